"""The namespace controller: empties a namespace that is being deleted, then lets it go.

Pods go first and alone, so that nothing they rely on (a policy, a claim, a secret) is taken from under them.
Source: pkg/controller/namespace/deletion (namespaced_resources_deleter.go, status_condition_utils.go); KEP-5080.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from statelab.controlplane.apiserver.registry.apiservices import version_of
from statelab.controlplane.clock import timestamp
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import KINDS, Object
from statelab.controlplane.manager import Controller
from statelab.controlplane.store import Revision
from statelab.controlplane.view import View

_PLURALS = [plural for plural, kind in KINDS.items() if kind.namespaced]
_FINALIZER = "kubernetes"
_AGAIN_S = 5.0  # besides looking again at each deletion

# type → what the condition says when all is well: (reason, message)
_WELL = {
    "NamespaceDeletionDiscoveryFailure": ("ResourcesDiscovered", "All resources successfully discovered"),
    "NamespaceDeletionGroupVersionParsingFailure": (
        "ParsedGroupVersions",
        "All legacy kube types successfully parsed",
    ),
    "NamespaceDeletionContentFailure": (
        "ContentDeleted",
        "All content successfully deleted, may be waiting on finalization",
    ),
    "NamespaceContentRemaining": ("ContentRemoved", "All content successfully removed"),
    "NamespaceFinalizersRemaining": ("ContentHasNoFinalizers", "All content-preserving finalizers finished"),
}


def reconcile(key: str, view: View) -> float | None:
    """One pass for one namespace."""
    namespace = view.get("namespaces", key)
    if namespace is None or "deletionTimestamp" not in namespace["metadata"]:
        return None
    if not namespace["spec"].get("finalizers"):
        return None
    undiscovered = sorted(version_of(each) for each in view.kinds.others)
    failures = _delete_content(key, view)
    remaining = {plural: view.list(plural, key) for plural in _plurals(view)}
    remaining = {plural: objects for plural, objects in remaining.items() if objects}
    namespace = _write_conditions(namespace, undiscovered, failures, remaining, view)
    if remaining or failures or undiscovered:
        return _AGAIN_S
    finalizers = [each for each in namespace["spec"].get("finalizers") or () if each != _FINALIZER]
    spec = {**namespace["spec"], "finalizers": finalizers}
    view.finalize({**namespace, "spec": spec}, why="nothing is left in it")
    return None


def _delete_content(name: str, view: View) -> list[str]:
    """Ask for the deletion of what is there: the Pods, and when none is left, all else. What went wrong, in words."""
    failures = []
    why = f"namespace/{name} is being deleted"
    for plurals in (["pods"], [plural for plural in _plurals(view) if plural != "pods"]):
        for plural in plurals:
            for obj in view.list(plural, name):
                if "deletionTimestamp" in obj["metadata"]:
                    continue
                try:
                    view.delete(plural, obj, why=why, propagation="Background")
                except ApiError as error:
                    failures.append(error.message)
        if view.list("pods", name):
            break
    return failures


def _write_conditions(
    namespace: Object, undiscovered: list[str], failures: list[str], remaining: dict[str, list[Object]], view: View
) -> Object:
    wrong: dict[str, tuple[str, str]] = {}
    if undiscovered:  # groups of API servers that do not answer: nobody knows what of theirs is in it
        listed = ", ".join(f"{each}: stale GroupVersion discovery: {each}" for each in undiscovered)
        message = (
            f"Discovery failed for some groups, {len(undiscovered)} failing: "
            f"unable to retrieve the complete list of server APIs: {listed}"
        )
        wrong["NamespaceDeletionDiscoveryFailure"] = ("DiscoveryFailed", message)
    if failures:
        message = f"Failed to delete all resource types, {len(failures)} remaining: {', '.join(failures)}"
        wrong["NamespaceDeletionContentFailure"] = ("ContentDeletionFailed", message)
    if remaining:
        counts = sorted((_resource(plural), len(objects)) for plural, objects in remaining.items())
        listed = ", ".join(f"{resource} has {count} resource instances" for resource, count in counts)
        wrong["NamespaceContentRemaining"] = ("SomeResourcesRemain", f"Some resources are remaining: {listed}")
    finalizers = Counter(
        finalizer
        for objects in remaining.values()
        for obj in objects
        for finalizer in obj["metadata"].get("finalizers") or ()
    )
    if finalizers:
        listed = ", ".join(f"{name} in {count} resource instances" for name, count in sorted(finalizers.items()))
        message = f"Some content in the namespace has finalizers remaining: {listed}"
        wrong["NamespaceFinalizersRemaining"] = ("SomeFinalizersRemain", message)
    status = dict(namespace.get("status") or {})
    before = {each["type"]: each for each in status.get("conditions") or ()}
    conditions = [_condition(type, before.get(type), wrong.get(type), view.now_s) for type in _WELL]
    if conditions == list(before.values()) and status.get("phase") == "Terminating":
        return namespace
    changed = {"phase": "Terminating", "conditions": conditions}
    why = f"{sum(map(len, remaining.values()))} objects are left in it"
    return view.update_status("namespaces", {**namespace, "status": {**status, **changed}}, why=why)


def _condition(type: str, before: Object | None, problem: tuple[str, str] | None, now_s: float) -> Object:
    status = "False" if problem is None else "True"
    reason, message = problem if problem is not None else _WELL[type]
    same = before is not None and before["status"] == status
    since = before["lastTransitionTime"] if before is not None and same else timestamp(now_s)
    return {"type": type, "status": status, "lastTransitionTime": since, "reason": reason, "message": message}


def _resource(plural: str) -> str:
    """`pods.` and `statefulsets.apps`: the core group has no name, and upstream leaves the dot."""
    return f"{plural}.{KINDS[plural].group}" if plural in KINDS else plural


def _plurals(view: View) -> list[str]:
    return [*_PLURALS, *dict.fromkeys(kind.plural for kind in view.kinds.custom if kind.namespaced)]


def _on_namespace(revision: Revision, view: View) -> Iterable[str]:
    if revision.type == "DELETED" or "deletionTimestamp" not in revision.object["metadata"]:
        return ()
    return () if revision.cause.actor == view.actor else (revision.key,)


def _on_content(revision: Revision, view: View) -> Iterable[str]:
    if revision.type != "DELETED":
        return ()
    name = revision.object["metadata"].get("namespace", "")
    namespace = view.get("namespaces", name)
    return (name,) if namespace is not None and "deletionTimestamp" in namespace["metadata"] else ()


CONTROLLER = Controller(
    name="namespace-controller",
    reconcile=reconcile,
    watches={"namespaces": _on_namespace, **dict.fromkeys(_PLURALS, _on_content)},
    custom=_on_content,
)
CONTROLLERS = (CONTROLLER,)
