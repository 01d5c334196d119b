"""ps8.move: a Deployment with one claim becomes a StatefulSet, while a till writes to it all the time."""

from __future__ import annotations

from grader.diagnosis import pods_not_ready
from grader.rubrics.ps8 import texts
from grader.rubrics.ps8.history import claims_of, claims_to_volumes, running, untouched
from grader.tasks import SLOW_TYPIST_S, Task
from grader.trial import Trial
from grader.verdict import Verdict, no, parts, yes
from statelab.controlplane.kinds import Object
from statelab.manifest.relations import at

OLD = {f"order-{number}": f"{number} cups of {what}" for number, what in enumerate(("tea", "coffee", "milk"), 1)}
_SELL = (
    "n=$(cat /tmp/last 2>/dev/null || echo 0); n=$((n + 1)); echo $n > /tmp/last; "
    "if timeout 2 redis-cli -h db set sale-$n paid | grep -q OK; then echo sale-$n >> /tmp/sold; fi"
)


def first_orders(trial: Trial) -> None:
    """What Redis holds before the answer; none of it is in its file yet."""
    for key, value in OLD.items():
        trial.exec("till", "redis-cli", "-h", "db", "set", key, f"{value} in {trial.namespace}")


def sell(trial: Trial) -> None:
    """The till writes one more, and notes it where Redis has answered OK."""
    trial.exec("till", "sh", "-c", _SELL)


def till_is_gone(trial: Trial) -> Verdict | None:
    """Nobody can say any more what was answered, when the till is gone or is another; None while it is there."""
    return untouched(trial, ["till"], 1)


move = Task(
    "ps8.move",
    points=21,
    about="Deployment `db`, a Redis with one claim, becomes a StatefulSet `db`, and not one answered write is lost.",
    answer="commands",
    may_say_namespace=False,
    given=texts.DEPLOYMENT,
    files={"db.yaml": texts.DB},
    before=first_orders,
    between=sell,
    paces=(SLOW_TYPIST_S,),
    patient=till_is_gone,
    needs="a cluster of its own",  # the answer may change a PersistentVolume
    start="kubectl get deployments,pods,persistentvolumeclaims\n",
)


def stands(trial: Trial) -> Verdict | None:
    """Why Redis is not, or not only, db-0 of StatefulSet db; None when it is."""
    trial.settle()
    owner = trial.get("statefulset/db")
    if owner is None:
        return no("There is no StatefulSet db.")
    problem = pods_not_ready(trial, "statefulset/db", owner.at("spec", "replicas") or 1)
    if problem is not None:
        return problem
    mine = {pod.uid for pod in trial.pods_of("statefulset/db")}
    others = [*trial.pods_of("deployment/db"), *trial.all("pod", app="db")]
    left = [pod for pod in others if pod.uid not in mine and pod.phase not in ("Succeeded", "Failed")]
    return no(f"{left[0].name}, a Pod that is not the set's, is still there.") if left else None


def has_moved(trial: Trial) -> Verdict | None:
    """Why Redis is not db-0 alone, on claim data-db-0; None when it is."""
    problem = stands(trial) or pods_not_ready(trial, "statefulset/db", 1)
    if problem is not None:
        return problem
    pod = trial.get("pod/db-0")
    if pod is None or "data-db-0" not in pod.claims:
        return no("db-0 does not mount the claim data-db-0.", trial.evidence("pod/db-0", most=4))
    return None


def sold(trial: Trial) -> list[str]:
    """What the till was answered OK for."""
    return trial.exec("till", "cat", "/tmp/sold").out.split()


def held(trial: Trial, keys: list[str], on: str = "db-0") -> list[str]:
    """What a Redis has for these keys; "" for what it has not."""
    return [trial.exec(on, "redis-cli", "get", key).out.strip() for key in keys]


def all_there(trial: Trial) -> Verdict:
    """The orders from before, and every sale that was answered."""
    sales = sold(trial)
    old = held(trial, list(OLD)) == [f"{value} in {trial.namespace}" for value in OLD.values()]
    missing = [key for key, value in zip(sales, held(trial, sales), strict=True) if value != "paid"]
    many = f"{len(missing)} sales were answered OK and are not there: {', '.join(missing[:3])}"
    return parts([(old, "The orders from before are not there."), (not missing, f"{many}.")], "")


@move.check(
    points=4,
    title="Redis is db-0 of StatefulSet db, on claim data-db-0, and the Deployment's Pod is gone",
    hints=(
        "Two things run that have the same labels. Which of them has to go, and when?",
        "The Deployment is scaled to 0 or deleted, its Pod is waited for, and then db.yaml is applied.",
        "kubectl delete deployment db; kubectl wait --for=delete pod -l app=db; kubectl apply -f db.yaml",
    ),
)
def is_the_set(trial: Trial) -> Verdict:
    return has_moved(trial) or yes("")


@move.check(
    points=6,
    title="Nothing is lost: the orders from before, and every sale that was answered",
    hints=(
        "A set looks for a claim called data-db-0. What is on the one that it makes itself?",
        "Give the old volume to a claim of that name, or copy its files into one, after Redis has stopped and saved.",
        "Patch the volume to persistentVolumeReclaimPolicy Retain; delete Deployment and claim; patch its claimRef to "
        '{"name":"data-db-0","uid":null,"resourceVersion":null}; then kubectl apply -f db.yaml.',
    ),
)
def nothing_is_lost(trial: Trial) -> Verdict:
    return stands(trial) or all_there(trial)


@move.check(
    points=5,
    title="One at a time: never two on one volume, never two behind Service db",
    hints=(
        "When does the second Redis start, and is the first one gone by then?",
        "kubectl scale and kubectl delete come back before the Pod has gone. What waits for that?",
        "kubectl wait --for=delete pod -l app=db --timeout=60s, before anything else mounts the volume.",
    ),
)
def one_at_a_time(trial: Trial) -> Verdict:
    problem = stands(trial)
    if problem is not None:
        return problem
    if not all_there(trial).share:
        return no("Nothing of what the old Redis held is there: there is nothing that has moved.")
    return parts([two_on_a_volume(trial), two_behind_the_service(trial)], "")


def two_on_a_volume(trial: Trial) -> tuple[bool, str]:
    """Whether no two Pods ran on one volume at any moment, and what to say if two did."""
    volumes = claims_to_volumes(trial)
    for pods in running(trial):
        on: dict[str, str] = {}
        for name, pod in pods.items():
            for volume in {volumes.get(claim, claim) for claim in claims_of(pod)}:
                if volume in on:
                    return False, f"{on[volume]} and {name} had the same volume at the same time."
                on[volume] = name
    return True, ""


def two_behind_the_service(trial: Trial) -> tuple[bool, str]:
    """Whether Service db led to one Pod at most at any moment, and what to say if to two."""
    for revision in trial.cluster.store.history:
        labels: Object = at(revision.object, "metadata", "labels") or {}
        is_of_db = revision.plural == "endpointslices" and labels.get("kubernetes.io/service-name") == "db"
        if not is_of_db or revision.type == "DELETED" or not revision.key.startswith(f"{trial.namespace}/"):
            continue
        ready = [each for each in at(revision.object, "endpoints") or () if at(each, "conditions", "ready")]
        if len(ready) > 1:
            names = sorted(str(at(each, "targetRef", "name")) for each in ready)
            return False, f"Service db led to {' and '.join(names)} at the same time: each got some of the sales."
    return True, ""


@move.check(
    points=3,
    title="db-0 is killed: it comes back with everything, and the till goes on selling",
    hints=(
        "What comes back when db-0 is deleted, and on which claim?",
        "The claim must be the set's own, data-db-0, and not one that goes with something else.",
        "Let db.yaml's claim template find data-db-0; Service db stays as it is.",
    ),
)
def comes_back(trial: Trial) -> Verdict:
    problem = stands(trial)
    if problem is not None:
        return problem
    before = len(sold(trial))
    trial.delete("pod/db-0").settle()
    sell(trial)
    if len(sold(trial)) == before:
        return no(
            "db-0 was killed, and after that the till was not answered at db:6379.", trial.evidence("pod/db-0", most=5)
        )
    verdict = stands(trial) or all_there(trial)
    return verdict if verdict.passed else no(f"db-0 was killed and came back. {verdict.message}")
