"""What would come of a manifest: refused, and at which line; or the namespace as it would be a minute later.

Whether it is refused is asked of the learner's own cluster, as a dry run. What comes of it is tried: on a control plane
of its own in virtual time, with what the namespace has already. Nothing of it reaches the learner's cluster.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from statelab.cluster import Cluster, Problem, RequestRefused
from statelab.controlplane.kinds import KINDS, Object
from statelab.manifest import Item, Manifest
from statelab.notebook.pictures.customs import DEFINITIONS, kinds_defined
from statelab.notebook.pictures.drawing import Picture
from statelab.notebook.pictures.picture import draw
from statelab.notebook.pictures.scene import WATCHED, make_scene
from statelab.notebook.pictures.stand_ins import stand_ins_of
from statelab.notebook.strings import say

_LATER_S = 60.0
_MOST_WORK_S = 2.0  # of a processor: a trial is a picture, and not worth a longer wait
_MOST_OBJECTS = 100
# What may be in a namespace, or beside it, before a manifest is applied; in the order in which one needs the other.
_THERE = (
    DEFINITIONS,
    "storageclasses",
    "persistentvolumes",
    "configmaps",
    "secrets",
    "serviceaccounts",
    "services",
    "persistentvolumeclaims",
    "statefulsets",
    "deployments",
    "daemonsets",
    "replicasets",
    "jobs",
    "cronjobs",
    "pods",
)
_OF_THE_SERVER = ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "ownerReferences")
_MADE_BY_A_CLASS = "pv.kubernetes.io/provisioned-by"
_IS_BOUND = "pv.kubernetes.io/bind-completed"
_OF_BINDING = ("pv.kubernetes.io/", "volume.kubernetes.io/", "volume.beta.kubernetes.io/")
# A whole object in Go's way of writing, within the API server's words: what matters stands behind it.
_GO_MAP = re.compile(r'"map\[.*\]"(?=: )', re.DOTALL)
_FIELD = re.compile(r"[a-z][A-Za-z0-9]*(?:\.[A-Za-z0-9_-]+|\[\d+\])*")


@dataclass(frozen=True)
class Foreseen:
    """`picture` of what comes; or `refusal`, the API server's words, and the `line` they are about (0: none)."""

    picture: Picture | None = None
    refusal: str = ""
    line: int = 0


def foresee(cluster: Cluster, manifest: Manifest, *, width: int) -> Foreseen:
    """What would come of applying it now. Raises Problem where that cannot be said: too much, or unknown here."""
    dry_run = cluster.kubectl(["apply", "--dry-run=server", "-f", "-"], stdin=manifest.text)
    if dry_run.code:
        refusal = _GO_MAP.sub('"…"', dry_run.stderr.strip())
        return Foreseen(refusal=refusal, line=line_of(refusal, manifest))
    there = _there(cluster)
    if len(there) + len(manifest.items) > _MOST_OBJECTS:
        raise Problem(say("too_much_to_foresee"))
    objects = _tried(there, manifest.objects, cluster.namespace)
    return Foreseen(draw(make_scene(objects, cluster.namespace, stand_ins_of(cluster)), width=width))


# ---- where a refusal belongs


def line_of(refusal: str, manifest: Manifest) -> int:
    """The line of a manifest that the API server's words are about; 0 when they name no object of it."""
    item = _about(refusal, manifest.items)
    if item is None:
        return 0
    if "no matches for kind" in refusal:
        return item.place(("apiVersion",)).line
    for field in _FIELD.findall(refusal):
        path = tuple(int(step) if step.isdigit() else step for step in re.findall(r"[A-Za-z0-9_-]+", field))
        if path[0] in item.object and len(path) > 1:
            return item.place(path).line
    return item.place().line


def _about(refusal: str, items: Sequence[Item]) -> Item | None:
    named = [item for item in items if item.name and f'"{item.name}"' in refusal and item.kind in refusal]
    kinds = [item for item in items if item.kind and re.search(rf"\b{re.escape(item.kind)}\b", refusal)]
    found = named or kinds or (list(items) if len(items) == 1 else [])
    return found[0] if found else None


# ---- the trial


def _there(cluster: Cluster) -> list[Object]:
    """What stands in the namespace by somebody's wish; what a controller made, the trial's controllers make again."""
    found: list[Object] = []
    for plural in _THERE:
        with suppress(RequestRefused, Problem):
            found += [_as_wished(obj) for obj in cluster.list(plural) if _is_a_wish(obj, plural)]
    return found


def _is_a_wish(obj: Object, plural: str) -> bool:
    metadata = obj["metadata"]
    if metadata.get("ownerReferences") or metadata.get("deletionTimestamp"):
        return False
    return plural != "persistentvolumes" or _MADE_BY_A_CLASS not in (metadata.get("annotations") or {})


def _as_wished(obj: Object) -> Object:
    metadata = {name: value for name, value in obj["metadata"].items() if name not in _OF_THE_SERVER}
    notes = metadata.get("annotations") or {}
    metadata["annotations"] = {name: text for name, text in notes.items() if not name.startswith(_OF_BINDING)}
    wish: Object = {**{name: value for name, value in obj.items() if name != "status"}, "metadata": metadata}
    spec = dict(wish.get("spec") or {})
    if obj["kind"] == "PersistentVolumeClaim" and _IS_BOUND in notes:
        spec.pop("volumeName", None)  # its volume is made again, or found
    if obj["kind"] == "PersistentVolume" and (obj.get("status") or {}).get("phase") == "Bound":
        spec.pop("claimRef", None)
    if obj["kind"] == "Service" and spec.get("clusterIP") != "None":
        spec = {name: value for name, value in spec.items() if name not in ("clusterIP", "clusterIPs")}
    if obj["kind"] == "Pod":
        spec.pop("nodeName", None)
    return {**wish, "spec": spec} if "spec" in wish else wish


def _tried(there: Sequence[Object], wanted: Sequence[Object], namespace: str) -> Mapping[str, Sequence[Object]]:
    """The objects of the namespace a minute after. Raises Problem where the trial cannot do what the cluster does."""
    from statelab.controlplane import ControlPlane
    from statelab.controlplane.errors import ApiError

    plane = ControlPlane()
    began_s = time.thread_time()

    def is_too_long() -> bool:
        return time.thread_time() - began_s > _MOST_WORK_S

    for name in {namespace, *(str((each.get("metadata") or {}).get("namespace") or namespace) for each in wanted)}:
        with suppress(ApiError):
            plane.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    plane.settle()  # each gets its service account
    if there:
        for obj in there:
            with suppress(ApiError):  # every cluster has some of these from the beginning
                plane.create(obj, namespace)
        plane.when(is_too_long, timeout_s=_LATER_S)
    try:
        plane.apply(*wanted, namespace=namespace)
    except ApiError as refused:
        raise Problem(say("cannot_foresee", reason=str(refused))) from None
    if plane.when(is_too_long, timeout_s=_LATER_S):
        raise Problem(say("too_much_to_foresee"))
    objects: dict[str, Sequence[Any]] = {
        plural: plane.list(plural, namespace if KINDS[plural].namespaced else "") for plural in WATCHED
    }
    for plural in kinds_defined(objects.get(DEFINITIONS, ())):
        objects[plural] = plane.list(plural, namespace)
    return objects
