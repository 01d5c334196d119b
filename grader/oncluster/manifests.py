"""The objects of a grading on a cluster, as plain dicts: a namespace, a claim, a courier Pod and an Indexed Job.

The Pods satisfy `restricted` Pod security, have no token of the API server, and need no network: what learners wrote is
tried on embedded clusters in their memory.
"""

from __future__ import annotations

from dataclasses import dataclass

from statelab.controlplane.kinds import Object

PART_OF = {"app.kubernetes.io/part-of": "statelab", "app.kubernetes.io/name": "statelab-grader"}
MOUNT = "/work"
_USER = 10001  # as in the Dockerfile
_TRIES = 3  # for each index, before its share is given up and graded at home
_DEADLINE_S = 6 * 3600
_KEPT_S = 24 * 3600


@dataclass(frozen=True, slots=True)
class Plan:
    """How an assignment is graded on a cluster. `workers`: indices of the Job, as many at once as have a place.

    `access`: ReadWriteOnce keeps all Pods on one node; with ReadWriteMany, where a class of storage offers it, they go
    anywhere. `storage_class`: None for the cluster's default.
    """

    assignment: str
    key: str  # of the rubric
    namespace: str
    image: str
    workers: int
    storage: str = "1Gi"
    access: str = "ReadWriteOnce"
    storage_class: str | None = None

    @property
    def name(self) -> str:
        """Of the Job and of its claim: the same assignment with another rubric has others."""
        return f"grade-{self.assignment}-{self.key[:8]}"

    @property
    def courier(self) -> str:
        return f"courier-{self.assignment}-{self.key[:8]}"


def manifests(plan: Plan) -> list[Object]:
    """Everything, in the order in which it is applied; the Job is last, when the submissions are there."""
    return [namespace(plan), no_network(plan), claim(plan), courier(plan), job(plan)]


def namespace(plan: Plan) -> Object:
    labels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn", "audit")}
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": plan.namespace, "labels": {**PART_OF, **labels}},
    }


def no_network(plan: Plan) -> Object:
    spec = {"podSelector": {"matchLabels": PART_OF}, "policyTypes": ["Ingress", "Egress"]}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "graders-talk-to-nobody", "namespace": plan.namespace, "labels": PART_OF},
        "spec": spec,
    }


def claim(plan: Plan) -> Object:
    spec: Object = {"accessModes": [plan.access], "resources": {"requests": {"storage": plan.storage}}}
    if plan.storage_class is not None:
        spec["storageClassName"] = plan.storage_class
    metadata = {"name": plan.name, "namespace": plan.namespace, "labels": PART_OF}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec}


def courier(plan: Plan) -> Object:
    """A Pod that holds the volume while submissions are sent and results fetched, by `kubectl exec` and tar."""
    labels = {**PART_OF, "app.kubernetes.io/component": "courier"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": plan.courier, "namespace": plan.namespace, "labels": labels},
        "spec": _pod(plan, ["sleep", str(_DEADLINE_S + 3600)], cpu="50m", memory="128Mi"),
    }


def job(plan: Plan) -> Object:
    command = ["python", "-m", "grader.oncluster", "--folder", MOUNT, "--of", str(plan.workers)]
    spec = _pod(plan, command, cpu="1", memory="2Gi")
    if plan.access == "ReadWriteOnce":  # such a volume is where its first Pod is: the courier's node
        term = {
            "labelSelector": {"matchLabels": {"app.kubernetes.io/component": "courier"}},
            "topologyKey": "kubernetes.io/hostname",
        }
        spec["affinity"] = {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    labels = {**PART_OF, "app.kubernetes.io/component": "worker"}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": plan.name, "namespace": plan.namespace, "labels": labels},
        "spec": {
            "completionMode": "Indexed",
            "completions": plan.workers,
            "parallelism": plan.workers,
            "backoffLimitPerIndex": _TRIES - 1,
            "maxFailedIndexes": plan.workers,
            "activeDeadlineSeconds": _DEADLINE_S,
            "ttlSecondsAfterFinished": _KEPT_S,
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }


def _pod(plan: Plan, command: list[str], *, cpu: str, memory: str) -> Object:
    """A Pod's spec with the volume at MOUNT, and nothing that it does not need."""
    container = {
        "name": "grader",
        "image": plan.image,
        "imagePullPolicy": "IfNotPresent",
        "command": command,
        "workingDir": "/",
        "resources": {"requests": {"cpu": cpu, "memory": memory}, "limits": {"memory": memory}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "work", "mountPath": MOUNT}, {"name": "tmp", "mountPath": "/tmp"}],
    }
    return {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 5,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "runAsGroup": _USER,
            "fsGroup": _USER,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": [
            {"name": "work", "persistentVolumeClaim": {"claimName": plan.name}},
            {"name": "tmp", "emptyDir": {}},
        ],
    }
