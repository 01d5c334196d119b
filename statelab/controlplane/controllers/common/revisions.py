"""What a template was, and a short name for it: hashes of templates, and ControllerRevisions.

Source: pkg/controller/history/controller_history.go, pkg/controller/controller_utils.go (ComputeHash),
pkg/controller/statefulset/stateful_set_utils.go (newRevision).
"""

from __future__ import annotations

import json

from statelab.controlplane.controllers.common.owners import adopt, controller_reference, labels_of, title
from statelab.controlplane.controllers.common.pods import is_terminating
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import Object
from statelab.controlplane.labels import selector_of
from statelab.controlplane.view import View

HASH_LABEL = "controller.kubernetes.io/hash"
_LETTERS = "bcdfghjklmnpqrstvwxz2456789"  # no vowels, so that no hash is a word
_OFFSET, _PRIME = 2166136261, 16777619  # FNV, 32 bits
_LONGEST_PREFIX = 223


# ---- hashes


def template_hash(template: Object, collisions: int | None) -> str:
    """The pod-template-hash of a Deployment's template. Upstream hashes Go's memory of it; ours hashes its JSON."""
    number = _OFFSET
    probe = b"" if collisions is None else collisions.to_bytes(8, "little")
    for byte in _canonical(template) + probe:
        number = (number ^ byte) * _PRIME & 0xFFFFFFFF
    return _safe(number)


def revision_hash(data: Object, collisions: int) -> str:
    """A ControllerRevision's hash, to the letter that of the real controller: FNV-1 of its data and the collisions."""
    number = _OFFSET
    for byte in _canonical(data) + str(collisions).encode():
        number = (number * _PRIME & 0xFFFFFFFF) ^ byte
    return _safe(number)


def _canonical(obj: Object) -> bytes:
    """As Go's encoding/json writes a map: keys sorted, `<`, `>` and `&` escaped."""
    text = json.dumps(obj, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026").encode()


def _safe(number: int) -> str:
    """Source: apimachinery/pkg/util/rand SafeEncodeString."""
    return "".join(_LETTERS[ord(digit) % len(_LETTERS)] for digit in str(number))


# ---- ControllerRevisions


def history_of(stateful_set: Object, view: View) -> list[Object]:
    """The set's revisions, the oldest first; those that nobody controls but match its selector are adopted."""
    found = view.owned("controllerrevisions", stateful_set)
    if not is_terminating(stateful_set):
        selector = selector_of(stateful_set["spec"]["selector"])
        for orphan in view.orphans("controllerrevisions", stateful_set["metadata"]["namespace"]):
            if selector(labels_of(orphan)) and not is_terminating(orphan):
                adopted = adopt("controllerrevisions", orphan, stateful_set, view)
                if adopted is not None:
                    found.append(adopted)
    return sorted(found, key=_order)


def _order(revision: Object) -> tuple[int, str, str]:
    metadata = revision["metadata"]
    return revision["revision"], metadata["creationTimestamp"], metadata["name"]


def update_revision(
    stateful_set: Object, history: list[Object], view: View, hash_label: str = HASH_LABEL
) -> tuple[Object, int]:
    """The revision of the set's template as it is now, and how many names collided so far.

    The newest if it is the same; an older one that is the same gets the next number (a rollback); else a new one.
    """
    collisions = stateful_set.get("status", {}).get("collisionCount", 0)
    data = _data(stateful_set["spec"]["template"])
    if history and history[-1]["data"] == data:
        return history[-1], collisions
    number = history[-1]["revision"] + 1 if history else 1
    same = [revision for revision in history if revision["data"] == data]
    if same:
        why = f"{title(stateful_set)} went back to this template"
        return view.update("controllerrevisions", {**same[-1], "revision": number}, why=why), collisions
    return _create(stateful_set, data, number, collisions, view, hash_label)


def _data(template: Object) -> Object:
    """A strategic merge patch that restores the template."""
    return {"spec": {"template": {**template, "$patch": "replace"}}}


def template_of(revision: Object) -> Object:
    """The template a revision keeps."""
    template = revision["data"]["spec"]["template"]
    return {name: value for name, value in template.items() if name != "$patch"}


def _create(
    stateful_set: Object, data: Object, number: int, collisions: int, view: View, hash_label: str
) -> tuple[Object, int]:
    metadata = stateful_set["metadata"]
    labels = dict((stateful_set["spec"]["template"].get("metadata") or {}).get("labels") or {})
    labels[hash_label] = revision_hash(data, collisions)
    while True:
        name = f"{metadata['name'][:_LONGEST_PREFIX]}-{revision_hash(data, collisions)}"
        revision: Object = {
            "apiVersion": "apps/v1",
            "kind": "ControllerRevision",
            "metadata": {
                "name": name,
                "namespace": metadata["namespace"],
                "labels": labels,
                "ownerReferences": [controller_reference(stateful_set)],
            },
            "data": data,
            "revision": number,
        }
        if metadata.get("annotations"):
            revision["metadata"]["annotations"] = dict(metadata["annotations"])
        try:
            why = f"{title(stateful_set)} has a template that no revision keeps yet"
            return view.create("controllerrevisions", revision, why=why), collisions
        except ApiError as error:
            if error.reason != "AlreadyExists":
                raise
            existing = view.get("controllerrevisions", f"{metadata['namespace']}/{name}")
            if existing is not None and existing["data"] == data:
                return existing, collisions
            collisions += 1


def truncate_history(stateful_set: Object, history: list[Object], live: set[str], view: View) -> None:
    """Delete the oldest revisions beyond revisionHistoryLimit; those that a Pod or the status names do not count."""
    limit = stateful_set["spec"].get("revisionHistoryLimit", 10)
    old = [revision for revision in history if revision["metadata"]["name"] not in live]
    if limit < 0:
        return
    for revision in old[: max(0, len(old) - limit)]:
        why = f"{title(stateful_set)} keeps {limit} revisions that are not in use (revisionHistoryLimit)"
        view.delete("controllerrevisions", revision, why=why)
