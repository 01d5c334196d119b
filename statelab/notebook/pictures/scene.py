"""What a picture of a cluster shows, as plain data: nodes and their Pods, claims and volumes, Services and their names.

A scene is made from API objects alone, so it can be made of the cluster now, of any moment of its history, or in a
test. Drawing it is picture.py's work.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from statelab.controlplane.kinds import KINDS, Object
from statelab.notebook.pictures import customs
from statelab.notebook.pictures.customs import DEFINITIONS
from statelab.notebook.pictures.owning import workloads
from statelab.notebook.pictures.shown import ClaimShown, CustomShown, NodeShown, PodShown, ServiceShown, WorkloadShown
from statelab.notebook.strings import say

_MOST_TOLD = 60

# What must be watched to draw a scene. What this control plane does not have is not asked for.
WATCHED: tuple[str, ...] = tuple(
    plural
    for plural in (
        "nodes",
        "pods",
        "persistentvolumeclaims",
        "services",
        "endpointslices",
        "statefulsets",
        "deployments",
        "replicasets",
        "controllerrevisions",
        "jobs",
        "cronjobs",
        DEFINITIONS,
    )
    if plural in KINDS
)
# What a cluster may lack; a picture is drawn without it.
OPTIONAL = ("controllerrevisions", "jobs", "cronjobs", DEFINITIONS)
_SELECTED_NODE = "volume.kubernetes.io/selected-node"
_DEPLOYMENTS_REVISION = "deployment.kubernetes.io/revision"


@dataclass(frozen=True)
class Scene:
    namespace: str
    nodes: tuple[NodeShown, ...] = ()
    pods: tuple[PodShown, ...] = ()
    claims: tuple[ClaimShown, ...] = ()
    services: tuple[ServiceShown, ...] = ()
    workloads: tuple[WorkloadShown, ...] = field(default=())
    customs: tuple[CustomShown, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Nodes aside."""
        return not (self.pods or self.claims or self.services or self.workloads or self.customs)

    def sentence(self) -> str:
        """The scene for someone who does not see it."""
        if len(self.pods) + len(self.claims) > _MOST_TOLD:
            return self._summary()
        parts = [say("said_namespace", namespace=self.namespace)]
        parts += [customs.said(each) for each in self.customs]
        parts += [_said_workload(each) for each in self.workloads]
        parts += [
            say("said_pod_on" if pod.node else "said_pod", name=pod.name, said=pod.said, node=pod.node)
            for pod in self.pods
        ]
        parts += [say("said_claim", name=claim.name, phase=claim.phase, held=_held_by(claim)) for claim in self.claims]
        for service in self.services:
            names = "; ".join(
                say("said_name", name=name, addresses=", ".join(ips) or say("said_no_address"))
                for name, ips in service.names
            )
            parts.append(
                say("said_headless" if service.is_headless else "said_service", name=service.name, names=names)
            )
        return " ".join(parts) if len(parts) > 1 else say("said_empty", namespace=self.namespace)

    def _summary(self) -> str:
        """The sentence where naming everything would take minutes to listen to."""
        states = Counter(pod.state for pod in self.pods)
        pods = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
        bound = sum(claim.phase == "Bound" for claim in self.claims)
        return " ".join(
            [
                say("said_namespace", namespace=self.namespace),
                *(_said_workload(each) for each in self.workloads[:10]),
                say("said_pods", count=str(len(self.pods)), states=pods),
                say("said_claims", count=str(len(self.claims)), bound=str(bound)),
                say("said_services", count=str(len(self.services))),
            ]
        )


def _said_workload(each: WorkloadShown) -> str:
    return say("said_workload", kind=each.kind, name=each.name, ready=str(each.ready), wanted=str(each.wanted))


def _held_by(claim: ClaimShown) -> str:
    return say("said_mounted", pod=claim.pod) if claim.pod else say("said_mounted_by_nobody")


def make_scene(
    objects: Mapping[str, Sequence[Object]], namespace: str, is_stand_in: Callable[[str], bool] | None = None
) -> Scene:
    """The scene of one namespace. `objects` maps plurals (WATCHED) to API objects.

    `is_stand_in`: whether an image only seems to run here; without it, none does.
    """
    slices = objects.get("endpointslices", ())
    versions, names = _versions(objects), _names_of_pods(slices)
    pods = sorted((pod_shown(obj, versions, names) for obj in objects.get("pods", ())), key=_pod_order)
    if is_stand_in is not None:
        standing = {
            _name(obj)
            for obj in objects.get("pods", ())
            if any(is_stand_in(str(each.get("image", ""))) for each in (obj.get("spec") or {}).get("containers") or ())
        }
        pods = [replace(pod, is_stand_in=pod.name in standing) for pod in pods]
    mounted: dict[str, str] = {}
    for pod in pods:
        for claim in pod.claims:
            mounted.setdefault(claim, pod.name)
    return Scene(
        namespace=namespace,
        nodes=tuple(_node(obj) for obj in sorted(objects.get("nodes", ()), key=_name)),
        pods=tuple(pods),
        claims=tuple(
            _claim(obj, mounted) for obj in sorted(objects.get("persistentvolumeclaims", ()), key=_natural_name)
        ),
        services=tuple(_service(obj, slices, namespace) for obj in sorted(objects.get("services", ()), key=_name)),
        workloads=workloads(objects, pods, versions),
        customs=customs.customs_shown(objects),
    )


def _versions(objects: Mapping[str, Sequence[Object]]) -> dict[str, int]:
    """How many-th revision each is: by a ReplicaSet's name, and by what a StatefulSet's Pods have as their hash."""
    found = {_name(obj): int(obj.get("revision") or 0) for obj in objects.get("controllerrevisions", ())}
    for obj in objects.get("replicasets", ()):
        number = str((obj["metadata"].get("annotations") or {}).get(_DEPLOYMENTS_REVISION, ""))
        found[_name(obj)] = int(number) if number.isdigit() else 0
    return found


def _names_of_pods(slices: Sequence[Object]) -> dict[str, tuple[str, ...]]:
    """The names that lead to each Pod: its own below a headless Service, and those of Services that answer for it."""
    found: dict[str, list[str]] = {}
    for each in slices:
        service = str((each["metadata"].get("labels") or {}).get("kubernetes.io/service-name", ""))
        for endpoint in each.get("endpoints") or ():
            target = endpoint.get("targetRef") or {}
            if not service or target.get("kind") != "Pod" or not (endpoint.get("conditions") or {}).get("ready", True):
                continue
            host = endpoint.get("hostname")
            found.setdefault(str(target.get("name")), []).append(f"{host}.{service}" if host else service)
    return {pod: tuple(sorted(names, key=lambda name: ("." not in name, name))) for pod, names in found.items()}


def _name(obj: Object) -> str:
    return str(obj["metadata"]["name"])


def _natural_name(obj: Object) -> tuple[str, int]:
    return natural(_name(obj))


def natural(name: str) -> tuple[str, int]:
    """web-10 comes after web-9."""
    base, _, last = name.rpartition("-")
    return (base, int(last)) if last.isdigit() and len(last) < 10 else (name, -1)


def _pod_order(pod: PodShown) -> tuple[str, int]:
    return natural(pod.name)


def is_node_ready(obj: Object) -> bool:
    conditions = {each["type"]: each["status"] for each in (obj.get("status") or {}).get("conditions") or ()}
    return conditions.get("Ready") == "True"


def _node(obj: Object) -> NodeShown:
    labels = obj["metadata"].get("labels") or {}
    return NodeShown(_name(obj), is_node_ready(obj), "node-role.kubernetes.io/control-plane" in labels)


def pod_shown(
    obj: Object, versions: Mapping[str, int] | None = None, names: Mapping[str, tuple[str, ...]] | None = None
) -> PodShown:
    """A Pod; with the numbers of revisions and the names of Pods, where they are known."""
    metadata, spec, status = obj["metadata"], obj.get("spec") or {}, obj.get("status") or {}
    labels = metadata.get("labels") or {}
    state, said = pod_state(obj)
    owner: Object = next((each for each in metadata.get("ownerReferences") or () if each.get("controller")), {})
    revision = str(labels.get("controller-revision-hash") or labels.get("pod-template-hash") or "")
    made_by = revision if "controller-revision-hash" in labels else str(owner.get("name", ""))
    claims = [(volume.get("persistentVolumeClaim") or {}).get("claimName") for volume in spec.get("volumes") or ()]
    return PodShown(
        name=_name(obj),
        state=state,
        said=said,
        ordinal=str(labels.get("apps.kubernetes.io/pod-index", "")),
        revision=revision,
        ip=str(status.get("podIP") or ""),
        node=str(spec.get("nodeName") or ""),
        claims=tuple(str(claim) for claim in claims if claim),
        uid=str(metadata.get("uid", "")),
        version=(versions or {}).get(made_by, 0),
        names=(names or {}).get(_name(obj), ()),
        owner=f"{owner['kind'].lower()}/{owner['name']}" if owner else "",
    )


def pod_state(obj: Object) -> tuple[str, str]:
    """How a Pod stands: one of PodShown's states, and the words for it."""
    status = obj.get("status") or {}
    if "deletionTimestamp" in obj["metadata"]:
        return "terminating", "Terminating"
    phase = status.get("phase", "Pending")
    if phase == "Succeeded":
        return "finished", "Completed"
    if phase == "Failed":
        return "failing", status.get("reason") or "Failed"
    conditions = {each["type"]: each for each in status.get("conditions") or ()}
    if conditions.get("Ready", {}).get("status") == "True":
        return "ready", "Ready"
    for container in [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]:
        waiting = (container.get("state") or {}).get("waiting")
        if waiting and waiting.get("reason") not in (None, "ContainerCreating", "PodInitializing"):
            return "failing", str(waiting["reason"])
    if phase == "Running":
        return "starting", say("not_ready_yet")
    if conditions.get("PodScheduled", {}).get("status") == "True":
        return "starting", say("starting")
    return "pending", "Pending"


def _claim(obj: Object, mounted: Mapping[str, str]) -> ClaimShown:
    name = _name(obj)
    requests = ((obj.get("spec") or {}).get("resources") or {}).get("requests") or {}
    size = ((obj.get("status") or {}).get("capacity") or {}).get("storage") or requests.get("storage") or ""
    return ClaimShown(
        name=name,
        phase=str((obj.get("status") or {}).get("phase") or "Pending"),
        size=str(size),
        volume=str((obj.get("spec") or {}).get("volumeName") or ""),
        pod=mounted.get(name, ""),
        node=str((obj["metadata"].get("annotations") or {}).get(_SELECTED_NODE, "")),
    )


def _service(obj: Object, slices: Sequence[Object], namespace: str) -> ServiceShown:
    name, spec = _name(obj), obj.get("spec") or {}
    is_headless = spec.get("clusterIP") == "None"
    endpoints = [
        endpoint
        for each in slices
        if (each["metadata"].get("labels") or {}).get("kubernetes.io/service-name") == name
        for endpoint in each.get("endpoints") or ()
        if (endpoint.get("conditions") or {}).get("ready", True)
    ]
    if not is_headless:
        address = str(spec.get("externalName") or spec.get("clusterIP") or "")
        return ServiceShown(name, address, False, ((name, (address,) if address else ()),))
    names = [(name, tuple(sorted(endpoint["addresses"][0] for endpoint in endpoints)))]
    named = {str(each["hostname"]): str(each["addresses"][0]) for each in endpoints if each.get("hostname")}
    names += [(f"{host}.{name}", (named[host],)) for host in sorted(named, key=natural)]
    return ServiceShown(name, "", True, tuple(names))


__all__ = [
    "WATCHED",
    "ClaimShown",
    "NodeShown",
    "PodShown",
    "Scene",
    "ServiceShown",
    "WorkloadShown",
    "make_scene",
]
