"""Why a thing is as it is: the chain of causes behind an object, in plain words, from the store's history."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from statelab.controlplane.clock import timestamp
from statelab.controlplane.kinds import KINDS, Object, singular_of
from statelab.controlplane.store import Past, Store

_DEPTH = 6  # a Pod, its ReplicaSet, its Deployment, and what came before each


@dataclass(frozen=True)
class Reason:
    """One link of the chain: what happened to `subject` ("pod/web-1"), said in `text`, and what that came from."""

    subject: str
    text: str
    at_s: float
    revision: int
    because: tuple[Reason, ...] = ()

    def lines(self) -> list[str]:
        """The link and those below it, each marked once and indented below the one it explains."""
        found = [f"{self.subject}   {self.text}"]
        for reason in self.because:
            first, *below = reason.lines()
            found += [f"  └ {first}", *(f"    {line}" for line in below)]
        return found

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def to_json(self) -> dict[str, Any]:
        return {
            "subject": self.subject,
            "text": self.text,
            "at": timestamp(self.at_s),
            "revision": self.revision,
            "because": [reason.to_json() for reason in self.because],
        }


def why(store: Store, plural: str, key: str) -> Reason | None:
    """The chain behind the object as it is, or behind its absence. None: nothing of that name was ever there, or
    its history is no longer kept."""
    return _explain(_Lives(store), plural, key, store.revision, _DEPTH)


class _Lives:
    """The history by object, so that a chain is found without reading everything again for each link."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.by_key: dict[tuple[str, str], list[Past]] = {}
        for revision in store.history:
            if revision.plural != "events":
                self.by_key.setdefault((revision.plural, revision.key), []).append(revision)

    def until(self, plural: str, key: str, number: int) -> list[Past]:
        return [each for each in self.by_key.get((plural, key), ()) if each.number <= number]


def _explain(lives: _Lives, plural: str, key: str, until: int, depth: int) -> Reason | None:
    revisions = lives.until(plural, key, until)
    if not revisions:
        return None
    subject = f"{singular_of(plural)}/{key.rpartition('/')[2]}"
    last = revisions[-1]
    if last.type == "DELETED":
        marked = _marked_for_deletion(revisions)
        return Reason(subject, f"deleted by {_who(marked)}: {marked.cause.why}", marked.at_s, marked.number)
    born = next((each for each in reversed(revisions) if each.type == "ADDED"), None)
    reasons: list[Reason] = []
    marked = _marked_for_deletion(revisions)
    if "deletionTimestamp" in last.object["metadata"]:
        text = f"is being deleted by {_who(marked)}: {marked.cause.why}"
        return Reason(subject, text, marked.at_s, marked.number)
    if born is None:
        return None
    if depth > 0:
        before = [each for each in revisions if each.number < born.number]
        ended = _marked_for_deletion(before) if before else None
        if ended is not None and ended.cause.actor != "namespace-controller":  # an earlier namespace explains nothing
            uid = str(ended.object["metadata"].get("uid", ""))[:4]
            text = f"(uid {uid}…) deleted by {_who(ended)}, {born.at_s - ended.at_s:.1f} s earlier: {ended.cause.why}"
            reasons.append(Reason(subject, text, ended.at_s, ended.number))
        reasons += _claims_that_waited(lives, born, before)
        for owner_plural, owner_key in _owners(born.object):
            owner = _explain(lives, owner_plural, owner_key, born.number, depth - 1)
            if owner is not None:
                reasons.append(owner)
    return Reason(subject, f"created by {_who(born)}, because {born.cause.why}", born.at_s, born.number, tuple(reasons))


def _who(revision: Past) -> str:
    actor = revision.cause.actor
    return actor if actor == "you" else f"the {actor}"


def _marked_for_deletion(revisions: list[Past]) -> Past:
    """The revision that asked for the last object's end: the first with a deletion timestamp, else the deletion."""
    uid = revisions[-1].object["metadata"].get("uid")
    for revision in revisions:
        metadata = revision.object["metadata"]
        if metadata.get("uid") == uid and (revision.type == "DELETED" or "deletionTimestamp" in metadata):
            return revision
    return revisions[-1]


def _owners(obj: Object) -> list[tuple[str, str]]:
    namespace = obj["metadata"].get("namespace")
    plurals = {(kind.api_version, kind.name): kind.plural for kind in KINDS.values()}
    found = []
    for reference in obj["metadata"].get("ownerReferences") or ():
        plural = plurals.get((reference["apiVersion"], reference["kind"]))
        if plural is not None:
            found.append((plural, f"{namespace}/{reference['name']}" if namespace else reference["name"]))
    return found


def _claims_that_waited(lives: _Lives, born: Past, before: list[Past]) -> list[Reason]:
    """A new Pod's claims that were there before it: the data it finds. `before`: earlier Pods of its name."""
    reasons = []
    namespace = born.object["metadata"].get("namespace", "")
    for volume in born.object.get("spec", {}).get("volumes") or () if born.plural == "pods" else ():
        claim = (volume.get("persistentVolumeClaim") or {}).get("claimName")
        revisions = lives.until("persistentvolumeclaims", f"{namespace}/{claim}", born.number) if claim else []
        made = next((each for each in reversed(revisions) if each.type == "ADDED"), None)
        if made is None or revisions[-1].type == "DELETED" or born.at_s - made.at_s <= 1.0:
            continue
        if made.cause.actor == born.cause.actor and not any(each.number > made.number for each in before):
            continue  # made for this very Pod, and then something took its time
        text = f"not created: it was there already, kept since {made.object['metadata']['creationTimestamp']}"
        reasons.append(Reason(f"persistentvolumeclaim/{claim}", text, made.at_s, made.number))
    return reasons
