"""What ps4 does to an answer: the disasters, the rivals and the other clusters. And the runs behind its prediction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import yaml

from grader.behaviour import on_a_claim
from grader.diagnosis import pods_not_ready
from grader.given import IMAGE, headless
from grader.shared import remembered
from grader.tasks import Task
from grader.trial import Trial
from grader.verdict import Verdict, parts, yes
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import Object

# ---- the same answer elsewhere


def elsewhere(
    trial: Trial, *, given: str = "", namespace: str | None = None, change: Callable[[Object], None] | None = None
) -> Trial:
    """The same answer in another new cluster, where `given` is there before it; each object changed if wanted."""
    task = replace(trial.task, given=trial.task.given + given, may_change_given=True)
    other = trial.beside(task, trial.answer, namespace=namespace)
    return (other.again(change=change) if change is not None else other).settle()


OTHER_CLASS = """\
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: standard, annotations: {storageclass.kubernetes.io/is-default-class: "false"}}
provisioner: example.com/switched-off
reclaimPolicy: Delete
volumeBindingMode: WaitForFirstConsumer
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: ssd, annotations: {storageclass.kubernetes.io/is-default-class: "true"}}
provisioner: rancher.io/local-path
reclaimPolicy: Delete
volumeBindingMode: WaitForFirstConsumer
"""


def with_other_default_class(trial: Trial, namespace: str) -> Trial:
    """In a cluster whose default class is called ssd, and whose class `standard` makes no volumes."""
    task = replace(trial.task, given="")
    other = trial.beside(task, None, namespace=namespace)
    other.delete("storageclass/standard").apply(OTHER_CLASS).settle()
    for item in trial.items:
        try:
            other.apply(as_text(item.object))
        except (ApiError, AttributeError, KeyError, TypeError, ValueError):
            continue  # refused: what is missing is seen by who asks
    return other.settle()


def as_text(*objects: Object) -> str:
    return yaml.safe_dump_all(objects, sort_keys=False)


def set_replicas(replicas: int) -> Callable[[Object], None]:
    def change(obj: Object) -> None:
        if obj.get("kind") == "StatefulSet" and isinstance(obj.get("spec"), dict):
            obj["spec"]["replicas"] = replicas

    return change


# ---- disasters: each is done to a StatefulSet and leaves as many Pods as there were


def restarted(trial: Trial, name: str) -> None:
    for pod in trial.pods_of(f"statefulset/{name}"):
        trial.exec(pod.name, "sh", "-c", "kill 1")
    trial.settle()


def killed(trial: Trial, name: str) -> None:
    for pod in trial.pods_of(f"statefulset/{name}"):
        trial.delete(pod.reference)
    trial.settle()


def scaled_to_nothing(trial: Trial, name: str) -> None:
    reference = f"statefulset/{name}"
    seen = trial.get(reference)
    replicas = int(seen.at("spec", "replicas") or 0) if seen else 0
    trial.scale(reference, 0).settle().scale(reference, replicas).settle()


def made_again(trial: Trial, name: str) -> None:
    """The set is deleted, everything has gone that goes with it, and its manifest is applied once more."""
    trial.delete(f"statefulset/{name}").settle(quiet_s=40)
    item = trial.item("StatefulSet", name)
    if item is not None:
        trial.apply(as_text(item.object)).settle()


def claims_deleted(trial: Trial, name: str) -> None:
    """Somebody deletes the claims. An administrator gives the volumes that are left back to claims of those names."""
    reference = f"statefulset/{name}"
    pods = trial.pods_of(reference)
    claims = owner_claims(trial, name)
    volumes = [claim.at("spec", "volumeName") for each in claims if (claim := trial.get(f"pvc/{each}")) is not None]
    trial.scale(reference, 0).settle()
    for each in claims:
        trial.delete(f"pvc/{each}")
    trial.settle()
    for each in volumes:
        if each and trial.get(f"pv/{each}") is not None:
            trial.patch(f"pv/{each}", {"spec": {"claimRef": {"uid": None, "resourceVersion": None}}})
    trial.scale(reference, len(pods)).settle()


_WENT_TOO = "{field} says Delete: the claim was deleted, too."
_VOLUME_WENT_TOO = "StorageClass {name} says reclaimPolicy: Delete: the volume was deleted with its claim."


def _why_lost(trial: Trial, name: str, disaster: Callable[[Trial, str], None]) -> tuple[str, int | None]:
    """What a policy did to the claims, or to their volumes, and the line that says so; ("", None) where none did."""
    owner = trial.get(f"statefulset/{name}")
    if owner is None:
        return "", None
    field = "whenScaled" if disaster is scaled_to_nothing else "whenDeleted" if disaster is made_again else ""
    path = ("spec", "persistentVolumeClaimRetentionPolicy", field)
    if field and owner.at(*path) == "Delete":
        return _WENT_TOO.format(field=field), trial.line("StatefulSet", *path, name=name)
    if disaster is claims_deleted and (claim := trial.get(f"pvc/{(owner_claims(trial, name) or ['-'])[0]}")):
        chosen = str(claim.at("spec", "storageClassName") or "")
        found = trial.get(f"storageclass/{chosen}") if chosen else None
        if found is not None and found.at("reclaimPolicy") == "Delete":
            line = trial.line("StorageClass", "reclaimPolicy", name=chosen)
            template = trial.line("StatefulSet", "spec", "volumeClaimTemplates", 0, "spec", name=name)
            return _VOLUME_WENT_TOO.format(name=chosen), line or template
    return "", None


def owner_claims(trial: Trial, name: str) -> list[str]:
    """The claims that the Pods of a set mount, each once."""
    return list(dict.fromkeys(claim for pod in trial.pods_of(f"statefulset/{name}") for claim in pod.claims))


def survives(
    trial: Trial, name: str, replicas: int, folders: Sequence[str], disaster: Callable[[Trial, str], None], told: str
) -> Verdict:
    """Each Pod writes a file of its own into each folder; then the disaster; each has to find its own again."""
    reference = f"statefulset/{name}"
    problem = pods_not_ready(trial, reference, replicas)
    if problem is not None:
        return problem
    line = trial.line("StatefulSet", "spec", "template", "spec", "containers", 0, "volumeMounts", name=name)
    places = [(f"{name}-{ordinal}", folder) for ordinal in range(replicas) for folder in folders]
    file = f"mark-{trial.cluster.loop.now_s:.0f}"
    cannot = [
        (False, f"{pod} cannot write to {folder}.")
        for pod, folder in places
        if not trial.write(pod, f"{folder}/{file}", f"{pod} {folder}")
    ]
    if cannot:
        return parts([*cannot, *[(False, "")] * (len(places) - len(cannot))], "").at(line)
    disaster(trial, name)
    problem = pods_not_ready(trial, reference, replicas)
    if problem is not None:
        return problem
    results = []
    for pod, folder in places:
        kept = trial.read(pod, f"{folder}/{file}")
        found = "it is not there any more" if kept is None else f"there is another's in its place: {kept[:40]}"
        results.append((kept == f"{pod} {folder}", f"{pod} wrote a file to {folder}; {told}; {found}."))
    if any(not passed for passed, _ in results):
        why, at_line = _why_lost(trial, name, disaster)
        first = next(number for number, (passed, _) in enumerate(results) if not passed)
        results[first] = (False, " ".join(filter(None, (results[first][1], why))))
        return parts(results, "").at(at_line)
    pods = [f"{name}-{ordinal}" for ordinal in range(replicas)]
    return next((wrong for each in folders if (wrong := on_a_claim(trial, pods, each))), None) or yes("")


# ---- rivals for a volume made by hand

# Nobody has put a book on it: a volume that says what nodes reach it does not mean this one.
NEW_NODE: Object = {"metadata": {"name": "kind-worker9", "labels": {"kubernetes.io/hostname": "kind-worker9"}}}

SCRIBE = f"""\
---
apiVersion: v1
kind: Pod
metadata: {{name: keeper}}
spec:
  nodeName: kind-worker2
  containers:
  - name: keeper
    image: busybox:1.37
    command: [sh, -c, "echo 'the books of 2025' > /archive/books.txt; sleep 360000"]
    volumeMounts: [{{name: folder, mountPath: /archive}}]
  volumes: [{{name: folder, hostPath: {{path: /srv/archive, type: DirectoryOrCreate}}}}]
---
apiVersion: v1
kind: Pod
metadata: {{name: reader}}
spec:
  affinity:
    nodeAffinity:
      preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 100
        preference: {{matchExpressions: [{{key: kubernetes.io/hostname, operator: In, values: [kind-worker]}}]}}
  containers:
  - name: reader
    image: {IMAGE}
    volumeMounts: [{{name: archive, mountPath: /archive}}]
  volumes: [{{name: archive, persistentVolumeClaim: {{claimName: archive}}}}]
"""
BOOKS = "the books of 2025"


def rival(name: str, namespace: str, like: Object, *, with_pod: bool = True) -> str:
    """A claim of another team that would take such a volume, and the Pod that wants it."""
    spec = {
        "storageClassName": like.get("storageClassName") or "",
        "accessModes": like.get("accessModes") or ["ReadWriteOnce"],
        "volumeMode": like.get("volumeMode") or "Filesystem",
        "resources": {"requests": {"storage": "1Mi"}},
    }
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name, "namespace": namespace}}
    container = {"name": "main", "image": IMAGE, "volumeMounts": [{"name": "data", "mountPath": "/data"}]}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"{name}-user", "namespace": namespace},
        "spec": {
            "containers": [container],
            "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": name}}],
        },
    }
    return "---\n" + as_text({**claim, "spec": spec}, *[pod][: int(with_pod)])


def namespace_called(name: str) -> str:
    return f"---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}}}\n"


# ---- what the prediction is held against

POLICY = "  persistentVolumeClaimRetentionPolicy: {{whenDeleted: {deleted}, whenScaled: {scaled}}}\n"
STORE = headless("db", app="db") + (
    "---\napiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: db}\n"
    "spec:\n  serviceName: db\n  replicas: 3\n  selector: {matchLabels: {app: db}}\n"
    "  template:\n    metadata: {labels: {app: db}}\n    spec:\n"
    f"      containers: [{{name: main, image: {IMAGE}, volumeMounts: [{{name: data, mountPath: /data}}]}}]\n"
    "  volumeClaimTemplates:\n  - metadata: {name: data}\n"
    "    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}\n"
)


def made_once_more(trial: Trial) -> Trial:
    """The set is applied again, when it has gone."""
    for document in yaml.safe_load_all(STORE):
        if document and document["kind"] == "StatefulSet":
            trial.apply(as_text(document))
    return trial


def becomes_of_it(happens: Callable[[Trial], object], *, deleted: str = "", scaled: str = "") -> str:
    """`kept` or `lost`: what became of the file that db-2 wrote to its claim, under this retention policy if any."""
    policy = POLICY.format(deleted=deleted, scaled=scaled) if deleted else ""
    trial = Trial(Task("ps4.run", 1, "", given=STORE + policy)).settle()
    trial.write("db-2", "/data/file", "mine")
    happens(trial)
    trial.settle(quiet_s=40)
    return "kept" if trial.read("db-2", "/data/file") == "mine" else "lost"


@remembered
def lost() -> dict[str, str]:
    """Question → `kept` or `lost`."""
    set_ = "statefulset/db"

    def fewer(trial: Trial) -> Trial:
        return trial.scale(set_, 1).settle(quiet_s=40).scale(set_, 3)

    return {
        "pod": becomes_of_it(lambda trial: trial.delete("pod/db-2")),
        "scale": becomes_of_it(lambda trial: trial.scale(set_, 0).settle().scale(set_, 3)),
        "set": becomes_of_it(lambda trial: [trial.delete(set_).settle(quiet_s=40), made_once_more(trial)]),
        "claim": becomes_of_it(lambda trial: trial.delete("pvc/data-db-2")),
        "claim-and-pod": becomes_of_it(lambda trial: trial.delete("pvc/data-db-2").delete("pod/db-2")),
        "pod-with-policies": becomes_of_it(lambda trial: trial.delete("pod/db-2"), deleted="Delete", scaled="Delete"),
        "scale-with-when-deleted": becomes_of_it(fewer, deleted="Delete", scaled="Retain"),
        "scale-with-when-scaled": becomes_of_it(fewer, deleted="Retain", scaled="Delete"),
    }
