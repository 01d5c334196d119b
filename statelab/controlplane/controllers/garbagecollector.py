"""The garbage collector: what becomes of objects whose owners go.

Three ways to delete an owner: *background* (it goes, then its dependents), *foreground* (its dependents first: the
finalizer foregroundDeletion holds it), *orphan* (its dependents stay and forget it: the finalizer orphan holds it).
Owners are found by uid in an index, never by looking through everything.
Source: pkg/controller/garbagecollector (garbagecollector.go: attemptToDeleteItem, orphanDependents; graph_builder.go).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from statelab.controlplane.controllers.common.memory import Memory
from statelab.controlplane.kinds import KINDS, Object, key_of
from statelab.controlplane.manager import Controller
from statelab.controlplane.store import Revision
from statelab.controlplane.view import View

FOREGROUND = "foregroundDeletion"
ORPHAN = "orphan"
_PLURALS = [plural for plural in KINDS if plural != "events"]

Node = tuple[str, str]  # plural and key


class _Graph:
    """Who depends on whom, by uid; and which uids there are."""

    def __init__(self, view: View) -> None:
        self.alive: dict[str, Node] = {}
        self.dependents: dict[str, dict[Node, None]] = {}
        for plural in (*_PLURALS, *dict.fromkeys(kind.plural for kind in view.kinds.custom)):
            for obj in view.written(plural):
                self.put((plural, key_of(obj)), None, obj)

    def put(self, node: Node, before: Object | None, obj: Object) -> None:
        if before is None or before["metadata"]["uid"] != obj["metadata"]["uid"]:
            self.alive[obj["metadata"]["uid"]] = node
        was, now = references_of(before), references_of(obj)
        if was is now or was == now:
            return
        for reference in was:
            self._unlink(node, reference["uid"])
        for reference in now:
            self.dependents.setdefault(reference["uid"], {})[node] = None

    def drop(self, node: Node, last: Object) -> None:
        self.alive.pop(last["metadata"]["uid"], None)
        for reference in references_of(last):
            self._unlink(node, reference["uid"])

    def _unlink(self, node: Node, uid: str) -> None:
        nodes = self.dependents.get(uid)
        if nodes is not None:
            nodes.pop(node, None)
            if not nodes:
                del self.dependents[uid]

    def dependents_of(self, obj: Object, view: View) -> list[tuple[str, Object]]:
        found = []
        for plural, key in tuple(self.dependents.get(obj["metadata"]["uid"], ())):
            dependent = view.get(plural, key)
            if dependent is not None:
                found.append((plural, dependent))
        return found


_graph = Memory(_Graph)


def references_of(obj: Object | None) -> list[dict[str, Any]]:
    return (obj["metadata"].get("ownerReferences") or []) if obj is not None else []


def reconcile(key: str, view: View) -> float | None:
    """One pass for one object, `PLURAL/KEY`: orphan its dependents, wait for them, or collect the object itself."""
    plural, _, name = key.partition("/")
    obj = view.get(plural, name)
    if obj is not None:
        if _waits_with(obj, ORPHAN):
            _orphan_dependents(plural, obj, view)
        else:
            _attempt_to_delete(plural, obj, view)
    return None


# ---- the object as an owner


def _waits_with(obj: Object, finalizer: str) -> bool:
    metadata = obj["metadata"]
    return "deletionTimestamp" in metadata and finalizer in (metadata.get("finalizers") or ())


def _orphan_dependents(plural: str, owner: Object, view: View) -> None:
    why = f"{_title(owner)} is deleted without its dependents"
    for dependent_plural, dependent in _graph(view).dependents_of(owner, view):
        _without_owners(dependent_plural, dependent, {owner["metadata"]["uid"]}, why, view)
    _without_finalizer(plural, owner, ORPHAN, "its dependents have been set free", view)


def _wait_for_dependents(plural: str, owner: Object, view: View) -> None:
    """Foreground: the owner goes when no dependent that blocks it is left."""
    blocking = [
        (dependent_plural, dependent)
        for dependent_plural, dependent in _graph(view).dependents_of(owner, view)
        if _blocks(dependent, owner["metadata"]["uid"])
    ]
    if not blocking:
        _without_finalizer(plural, owner, FOREGROUND, "the dependents that held it are gone", view)
        return
    for dependent_plural, dependent in blocking:
        if not _waits_with(dependent, FOREGROUND):
            _attempt_to_delete(dependent_plural, dependent, view)


def _blocks(dependent: Object, owner_uid: str) -> bool:
    return any(each["uid"] == owner_uid and each.get("blockOwnerDeletion") for each in references_of(dependent))


# ---- the object as a dependent


def _attempt_to_delete(plural: str, obj: Object, view: View) -> None:
    """Source: attemptToDeleteItem."""
    if _waits_with(obj, FOREGROUND):
        _wait_for_dependents(plural, obj, view)
        return
    if "deletionTimestamp" in obj["metadata"] or not references_of(obj):
        return
    owners = [(reference, _owner(reference, obj, view)) for reference in references_of(obj)]
    if any(owner == "unknown" for _, owner in owners):
        return
    gone = [reference for reference, owner in owners if owner is None]
    waiting = [(ref, owner) for ref, owner in owners if isinstance(owner, dict) and _waits_with(owner, FOREGROUND)]
    if len(gone) + len(waiting) < len(owners):
        if gone or waiting:
            unwanted = {each["uid"] for each in gone} | {ref["uid"] for ref, _ in waiting}
            _without_owners(plural, obj, unwanted, "one owner stays, and the others are gone or about to go", view)
        return
    if waiting:
        names = ", ".join(_title(owner) for _, owner in waiting)
        dependents = _graph(view).dependents_of(obj, view)
        if dependents:
            if any(_waits_with(each, FOREGROUND) for _, each in dependents):
                _unblock_owners(plural, obj, view)  # perhaps a circle: nobody may wait for it
            why = f"its owner {names} waits for it to go, and it has dependents itself"
            view.delete(plural, _fresh(plural, obj, view), why=why, propagation="Foreground")
        else:
            view.delete(plural, obj, why=f"its owner {names} waits for it to go", propagation=_policy(obj))
        return
    names = ", ".join(f"{each['kind'].lower()}/{each['name']}" for each in gone)
    view.delete(plural, obj, why=f"its owner {names} is gone", propagation=_policy(obj))


def _policy(obj: Object) -> str:
    finalizers = obj["metadata"].get("finalizers") or ()
    return "Orphan" if ORPHAN in finalizers else "Foreground" if FOREGROUND in finalizers else "Background"


def _place(reference: Object, dependent: Object, view: View) -> Node | None:
    """Where the owner that a reference means must be; None when that cannot be told.

    A kind that is not served; or what has no namespace, owned by what has one.
    """
    kind = view.kinds.named(reference["apiVersion"], reference["kind"])
    namespace = dependent["metadata"].get("namespace", "")
    if kind is None or (kind.namespaced and not namespace):
        return None
    return kind.plural, f"{namespace}/{reference['name']}" if kind.namespaced else reference["name"]


def _owner(reference: Object, dependent: Object, view: View) -> Any:
    """The owner a reference means; None when there is none such; "unknown" when nobody can tell."""
    place = _place(reference, dependent, view)
    if place is None:
        return "unknown"
    owner = view.get(*place)
    if owner is not None and owner["metadata"]["uid"] == reference["uid"]:
        return owner
    if reference["uid"] in _graph(view).alive:  # it exists, but where an owner cannot be
        _tell_wrong_namespace(reference, dependent, view)
    return None


def _tell_wrong_namespace(reference: Object, dependent: Object, view: View) -> None:
    namespace = dependent["metadata"].get("namespace", "")
    about = (
        f"[{reference['apiVersion']}/{reference['kind']}, namespace: {namespace}, name: {reference['name']}, "
        f"uid: {reference['uid']}]"
    )
    message = f'ownerRef {about} does not exist in namespace "{namespace}"'
    view.event(dependent, "OwnerRefInvalidNamespace", message, type="Warning", component="garbage-collector-controller")


# ---- writes


def _without_owners(plural: str, obj: Object, uids: set[str], why: str, view: View) -> None:
    metadata = {name: value for name, value in obj["metadata"].items() if name != "ownerReferences"}
    kept = [each for each in references_of(obj) if each["uid"] not in uids]
    if kept:
        metadata["ownerReferences"] = kept
    view.update(plural, {**obj, "metadata": metadata}, why=why)


def _unblock_owners(plural: str, obj: Object, view: View) -> None:
    references = [{**each, "blockOwnerDeletion": False} for each in references_of(obj)]
    changed = {**obj, "metadata": {**obj["metadata"], "ownerReferences": references}}
    view.update(plural, changed, why="its owner and one of its dependents wait for each other")


def _fresh(plural: str, obj: Object, view: View) -> Object:
    return view.get(plural, key_of(obj)) or obj


def _without_finalizer(plural: str, obj: Object, finalizer: str, why: str, view: View) -> None:
    obj = _fresh(plural, obj, view)
    finalizers = [each for each in obj["metadata"].get("finalizers") or () if each != finalizer]
    view.update(plural, {**obj, "metadata": {**obj["metadata"], "finalizers": finalizers}}, why=why)


def _title(obj: Object) -> str:
    return f"{obj['kind'].lower()}/{obj['metadata']['name']}"


# ---- which revisions concern what


def _on_revision(revision: Revision, view: View) -> Iterable[str]:
    graph, node = _graph(view), (revision.plural, revision.key)
    obj, before = revision.object, revision.previous
    if revision.type == "DELETED":
        graph.drop(node, before or obj)
        uid = obj["metadata"]["uid"]
        own = _made_unseen(revision, view)
        return [
            *_names(graph.dependents.get(uid, ())),
            *own,
            *_waiting_owners(references_of(before or obj), graph, view),
        ]
    graph.put(node, before, obj)
    keys: list[str] = []
    was, now = references_of(before), references_of(obj)
    if was != now:
        if any(graph.alive.get(each["uid"]) != _place(each, obj, view) for each in now) or _waiting_owners(
            now, graph, view
        ):
            keys.append(f"{node[0]}/{node[1]}")
        keys += _waiting_owners(was, graph, view)
    for finalizer in (FOREGROUND, ORPHAN):
        if _waits_with(obj, finalizer) and (before is None or not _waits_with(before, finalizer)):
            if finalizer == FOREGROUND:
                keys += _names(graph.dependents.get(obj["metadata"]["uid"], ()))
            keys.append(f"{node[0]}/{node[1]}")
    return keys


def _made_unseen(revision: Revision, view: View) -> list[str]:
    """The CSINode of a Node: those of a new cluster are made when somebody looks, and stand in no history."""
    return [f"csinodes/{revision.key}"] if revision.plural == "nodes" and view.is_made("csinodes") else []


def _names(nodes: Iterable[Node]) -> list[str]:
    return [f"{plural}/{key}" for plural, key in nodes]


def _waiting_owners(references: Iterable[Object], graph: _Graph, view: View) -> list[str]:
    """The owners among these that are being deleted in the foreground."""
    keys = []
    for reference in references:
        node = graph.alive.get(reference["uid"])
        owner = view.get(*node) if node is not None else None
        if owner is not None and _waits_with(owner, FOREGROUND):
            keys += _names([node]) if node is not None else []
    return keys


CONTROLLER = Controller(
    name="garbage-collector",
    reconcile=reconcile,
    watches=dict.fromkeys(_PLURALS, _on_revision),
    custom=_on_revision,
)
CONTROLLERS = (CONTROLLER,)
