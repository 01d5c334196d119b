"""ps8.beside: Monday's snapshot is restored into a new set of three, while the old one runs on and is not touched."""

from __future__ import annotations

import hashlib

from grader.diagnosis import pods_not_ready
from grader.rubrics.ps8 import texts
from grader.rubrics.ps8.copies import copies, etcdctl, failed_pods, log_of, orders_in, revision_of
from grader.rubrics.ps8.history import claims_of, untouched
from grader.tasks import Task
from grader.trial import Trial
from grader.verdict import Verdict, no, partly, parts
from statelab.manifest.relations import at

_PATIENCE_S = 120.0  # three members that are Ready at all are so by then
MEMBERS = ["again-0", "again-1", "again-2"]
_SAVE = f"""\
apiVersion: batch/v1
kind: Job
metadata: {{name: monday}}
spec:
  template:
    spec:
      restartPolicy: Never
      containers:
      - name: save
        image: {texts.ETCD}
        command: [etcdctl, "--endpoints=http://shop-0.shop:2379", snapshot, save, /backups/monday.db]
        volumeMounts: [{{name: backups, mountPath: /backups}}]
      volumes: [{{name: backups, persistentVolumeClaim: {{claimName: backups}}}}]
"""

# The disk with the backups takes its time to be there: whoever does not wait for the restore is too early.
_SLOW_DISK = """\
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: {{name: slow-disk}}
spec:
  reinvocationPolicy: Never
  matchConstraints:
    resourceRules: [{{apiGroups: [""], apiVersions: [v1], resources: [pods], operations: [CREATE]}}]
  matchConditions:
  - name: has-the-backups
    expression: >-
      has(object.metadata.name) && object.metadata.name == "auditor" ? false :
      has(object.spec.volumes) && object.spec.volumes.exists(each,
      has(each.persistentVolumeClaim) && each.persistentVolumeClaim.claimName == "backups")
  mutations:
  - patchType: JSONPatch
    jsonPatch:
      expression: >-
        [has(object.spec.initContainers) ?
        JSONPatch{{op: "add", path: "/spec/initContainers/0", value: {wait}}} :
        JSONPatch{{op: "add", path: "/spec/initContainers", value: [{wait}]}}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata: {{name: slow-disk}}
spec: {{policyName: slow-disk}}
"""
_WAIT = 'Object.spec.initContainers{{name: "slow-disk", image: "busybox:1.37", command: ["sleep", "{seconds}"]}}'


def monday(trial: Trial) -> dict[str, str]:
    """What the shop's orders were on Monday: other ones in each namespace."""
    number = int(hashlib.sha256(trial.namespace.encode()).hexdigest(), 16) % 900 + 100
    return {f"order/{number + each}": f"{what} of {number}" for each, what in enumerate(("tea", "rice", "salt"))}


def damage(trial: Trial) -> None:
    """On Monday a snapshot was saved. On Tuesday somebody deleted Monday's orders; since then there is a new one."""
    for key, value in monday(trial).items():
        etcdctl(trial, "put", key, value)
    trial.apply(_SAVE).settle().delete("job/monday", propagationPolicy="Background").settle()
    etcdctl(trial, "del", "order/", "--prefix")
    etcdctl(trial, "put", "order/tuesday", "bread")
    seconds = 10 if trial.namespace == trial.task.namespace else 20
    trial.apply(_SLOW_DISK.format(wait=_WAIT.format(seconds=seconds)))


beside = Task(
    "ps8.beside",
    points=24,
    about="Monday's snapshot of the etcd `shop` is restored into a new set `again` of three, beside the old one.",
    answer="commands",
    may_say_namespace=False,
    given=texts.SHOP + texts.BACKUPS,
    files={"again.yaml": texts.AGAIN},
    before=damage,
    needs="a cluster of its own",  # for its here-documents
    start="kubectl get pods,persistentvolumeclaims\n",
)


def not_up(trial: Trial) -> Verdict | None:
    """Why the three members do not run; None when they do."""
    trial.settle(max_s=_PATIENCE_S)
    if trial.get("statefulset/again") is None:
        return no("There is no StatefulSet again.")
    problem = pods_not_ready(trial, "statefulset/again", len(MEMBERS))
    if problem is None:
        return None
    waiting = next((each for each in trial.pods_of("statefulset/again") if not each.ready), None)
    said = log_of(trial, waiting) if waiting is not None else ""
    return no(problem.message, failed_pods(trial), [f"its log ends: {said}"] if said else [], problem.evidence)


def _attempted(trial: Trial) -> Verdict | None:
    """Why nothing can be called a restore; None when a Pod has had the snapshot before it."""
    for revision in trial.cluster.store.history:
        is_pod = revision.plural == "pods" and revision.key.startswith(f"{trial.namespace}/")
        name = revision.key.rpartition("/")[2]
        if is_pod and not name.startswith(("monday-", "auditor")) and "backups" in claims_of(revision.object):
            return None
    return no("Nothing has been restored: no Pod has mounted the claim backups.")


def _members(trial: Trial, pod: str) -> set[str]:
    said = etcdctl(trial, "member", "list", on=pod)
    return {line.split(", ")[2] for line in said.splitlines() if line.count(", ") >= 5}


@beside.check(
    points=4,
    title="Three members run, and are one cluster",
    hints=(
        "What does the log of again-0 say? A member that was restored knows who the others are, from the restore.",
        "Each is restored from the same file, with its own --name, and with the same --initial-cluster of three.",
        "--initial-cluster=again-0=http://again-0.again:2380,again-1=http://again-1.again:2380,"
        "again-2=http://again-2.again:2380, as again.yaml has it; then kubectl apply -f again.yaml.",
    ),
)
def one_cluster(trial: Trial) -> Verdict:
    problem, ready = not_up(trial), _ready(trial)
    if problem is not None and not ready:
        return problem
    verdict = parts(
        [(pod in ready and _members(trial, pod) == set(MEMBERS), _stranger(trial, pod, ready)) for pod in MEMBERS], ""
    )
    return verdict if problem is None else partly(verdict.share, problem.message, problem.evidence)


def _ready(trial: Trial) -> set[str]:
    return {each.name for each in trial.pods_of("statefulset/again") if each.ready}


def _stranger(trial: Trial, pod: str, ready: set[str]) -> str:
    if pod not in ready:
        return f"{pod} is not Ready."
    names = ", ".join(each or "one that has not started" for each in sorted(_members(trial, pod))) or "nobody"
    return f"{pod} knows these members: {names}."


@beside.check(
    points=7,
    title="Each member has Monday's orders, all of them and no other",
    hints=(
        "A set finds its claims by their names. Which will the three members look for, and when must they be full?",
        "A Job restores into claims data-again-0, data-again-1 and data-again-2, before there is a set that uses them.",
        "One Job with three containers, each: etcdutl snapshot restore /backups/monday.db --data-dir=/data/etcd "
        "--name=again-0 …; kubectl wait --for=condition=complete job/restore; then kubectl apply -f again.yaml.",
    ),
)
def mondays_orders(trial: Trial) -> Verdict:
    problem = not_up(trial)
    if problem is not None and not _ready(trial):
        return problem
    verdict = _all_have(trial, monday(trial))
    return verdict if verdict.passed else partly(verdict.share, verdict.message, verdict.evidence, failed_pods(trial))


def _all_have(trial: Trial, wanted: dict[str, str]) -> Verdict:
    """Each member, asked for what itself holds."""
    ready = _ready(trial)
    found = {pod: orders_in(trial, pod, "--consistency=s") if pod in ready else None for pod in MEMBERS}
    return parts([(found[pod] == wanted, _wrong_orders(pod, found[pod], wanted)) for pod in MEMBERS], "")


def _wrong_orders(pod: str, found: dict[str, str] | None, wanted: dict[str, str]) -> str:
    if found is None:
        return f"{pod} does not answer."
    missing = [key for key in wanted if found.get(key) != wanted[key]]
    more = [key for key in found if key not in wanted]
    said = (
        f"{len(missing)} of {len(wanted)} orders are missing"
        if missing
        else f"there is {more[0] if more else '?'} as well"
    )
    return f"In {pod} {said}."


@beside.check(
    points=4,
    title="It goes on: a new order reaches all, and is there when all Pods have been killed",
    hints=(
        "What happens when a Pod starts a second time? Is it restored once more?",
        "What restores must not run again, or must leave alone what is there.",
        "Restore in a Job, which ends; and not in an initContainer, which runs at each start.",
    ),
)
def goes_on(trial: Trial) -> Verdict:
    problem = not_up(trial) or _attempted(trial)
    if problem is not None:
        return problem
    if not etcdctl(trial, "put", "order/new", "butter", on="again-1"):
        return no("A new order was written to again-1, and was not taken.")
    trial.wait(5)
    wanted = (orders_in(trial, "again-1") or {}) | {"order/new": "butter"}
    for pod in MEMBERS:
        trial.delete(f"pod/{pod}")
    problem = not_up(trial)
    if problem is not None:
        return no(f"All Pods were killed. {problem.message}", problem.evidence)
    return _all_have(trial, wanted)


@beside.check(
    points=5,
    title="The old set runs on: the same Pod, the same data, its claim its own; the snapshot is as it was",
    hints=(
        "What may you not touch while you restore?",
        "The restore needs the claim backups, for reading, and new claims. Nothing of shop's.",
        "No line of yours names shop, shop-0 or data-shop-0.",
    ),
)
def old_runs_on(trial: Trial) -> Verdict:
    trial.settle()
    problem = _attempted(trial) or untouched(trial, ["shop-0"], 1)
    if problem is not None:
        return problem
    results = [
        (orders_in(trial, "shop-0") == {"order/tuesday": "bread"}, "The orders in shop are not what they were."),
        (revision_of(trial) == _revision_before(trial), "Something was written to shop."),
        (not _borrowers(trial), f"{', '.join(_borrowers(trial))} mounted data-shop-0, the claim of shop."),
        (_has_monday(trial), "Monday's snapshot is not on the claim backups any more."),
    ]
    return parts(results, "")


def _revision_before(trial: Trial) -> int:
    """One for an empty store, and one for each write before the answer: Monday's, the deletion, Tuesday's."""
    return 1 + len(monday(trial)) + 2


def _has_monday(trial: Trial) -> bool:
    return any(each.path == "/backups/monday.db" and each.is_whole for each in copies(trial) or ())


def _borrowers(trial: Trial) -> list[str]:
    """The Pods other than shop's that have mounted its claim at any time."""
    found = {
        str(at(revision.object, "metadata", "name"))
        for revision in trial.cluster.store.history
        if revision.plural == "pods" and revision.key.startswith(f"{trial.namespace}/")
        and "data-shop-0" in claims_of(revision.object)
    }  # fmt: skip
    return sorted(found - {"shop-0"})
