"""How much of a manifest has changed: a repair has a bound on it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from grader.shared import remembered
from grader.verdict import Verdict, no, partly, yes
from statelab.controlplane import quantity
from statelab.controlplane.apiserver.registry import defaults
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import BY_GROUP_VERSION_KIND, Object
from statelab.manifest import ManifestError, read
from statelab.manifest.fields import dotted
from statelab.manifest.relations import at
from statelab.reader import Path_

if TYPE_CHECKING:
    from grader.trial import Trial

# What may differ in a mended manifest without being held against it.
FREE = ("image", "labels", "annotations", "namespace")
_SERVERS_METADATA = ("creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid")
_NOT_OF_THE_OBJECT = ("namespace", *_SERVERS_METADATA)
# What a field that is not there means, where the server does not write it down.
_MEANT_ANYWAY: dict[Any, Any] = {
    "automountServiceAccountToken": True,
    "enableServiceLinks": True,
    "serviceAccountName": "default",
    "ordinals": {"start": 0},
}
# How a probe or a hook asks: another way in place of the one that was there is one change.
_HANDLERS = ("exec", "grpc", "httpGet", "sleep", "tcpSocket")
# What the server writes, and kubectl get -o yaml shows.
_SERVERS = {("status",)} | {("metadata", each) for each in _SERVERS_METADATA}


def little_changed(
    trial: Trial, start: str, *, most: int = 0, half: int = 2, free: Sequence[str] = FREE, broken: Sequence[str] = ()
) -> Verdict:
    """All points for at most `most` changes of the manifest `start`, half of them for at most `half`.

    A change is a field, or an object that was added. Objects are known by kind and name; none may be gone. `broken`:
    the paths, `spec.selectors`, that had to change: what becomes of them is seen by what the answer does.
    """
    after = {(each.kind, each.name): each.object for each in trial.items}
    before = _by_name([each.object for each in read(start).items], after)
    for kind, name in before:
        if (kind, name) not in after:
            return no(f"{kind} {name} is gone from the manifest.")
    given = read(trial.task.given).items if trial.task.given else ()  # may be written once more, as it is
    before |= {(each.kind, each.name): each.object for each in given if (each.kind, each.name) in after}
    changed = [
        f"{kind} {name}{'' if path == 'the whole' else f': {path}'}"
        for kind, name in {**before, **after}
        for path in changes(*_without_unused(before.get((kind, name)), after.get((kind, name))), free=free)
        if not any(path == each or path.startswith(f"{each}.") for each in broken)
    ]
    if len(changed) <= most:
        return yes("")
    many = f"{len(changed)} fields differ from what was given" if most else "Changed without need"
    said = f"{many}: {'; '.join(changed[:4])}."
    return partly(0.5, said) if len(changed) <= half else no(said)


def _without_unused(before: Object | None, after: Object | None) -> tuple[Object | None, Object | None]:
    """Both without the volumes that nothing mounts afterwards: it does not matter whether such a one is left. A claim
    of a template stands before a volume of the same name."""
    spec = at(after, "spec", "template", "spec")
    if before is None or after is None or not isinstance(spec, dict) or not isinstance(spec.get("volumes", []), list):
        return before, after
    lists = [spec.get(each) for each in ("initContainers", "containers")]
    mounted = [at(container, "volumeMounts") for each in lists if isinstance(each, list) for container in each]
    templates = at(after, "spec", "volumeClaimTemplates")
    claims = [at(each, "metadata", "name") for each in templates] if isinstance(templates, list) else []
    used = [at(mount, "name") for each in mounted if isinstance(each, list) for mount in each]
    used = [each for each in used if each not in claims]
    pair = copy.deepcopy(before), copy.deepcopy(after)
    for each in pair:
        pod = at(each, "spec", "template", "spec")
        if isinstance(pod, dict) and isinstance(pod.get("volumes"), list):
            pod["volumes"] = [volume for volume in pod["volumes"] if at(volume, "name") in used] or None
    return pair


def _by_name(objects: Sequence[Object], others: Mapping[tuple[str, str], Object]) -> dict[tuple[str, str], Object]:
    """Objects by kind and name. One that lacks either, which is what is broken in it, is taken for another."""
    known = {(each.get("kind"), at(each, "metadata", "name")): each for each in objects}
    found: dict[tuple[str, str], Object] = {}
    for (kind, name), each in known.items():
        like = (key for key in others if key not in known and kind in (None, key[0]) and name in (None, key[1]))
        found[(str(kind or ""), str(name or "")) if kind and name else next(like, ("", ""))] = each
    return found


def changes(before: Any, after: Any, *, free: Sequence[str] = ()) -> list[str]:
    """The fields that differ between two objects, by path, `spec.replicas`. `free`: field names that may differ.

    `None` and what is not there are the same; so are the numbers 2 and 2.0, and a default whether written or not.
    """
    found = _changes(before, after, (), frozenset(free))
    if isinstance(before, dict) and isinstance(after, dict):
        found = [path for path in found if path[:2] not in _SERVERS and path[:1] not in _SERVERS]
    if found and isinstance(before, dict) and isinstance(after, dict):
        filled = _with_defaults(before, after, _as_given), _with_defaults(after, before, _as_served)
        found = [path for path in found if not _is_default(path, (before, after), filled)]
    return [dotted(path) or "the whole" for path in found]


def _with_defaults(obj: Object, other: Object, served: Callable[[str, str], Object | None]) -> Object:
    """With what the server fills in: as the kind that it is, or where that is what is broken, as the other's."""
    kinds = [BY_GROUP_VERSION_KIND.get((str(each.get("apiVersion")), str(each.get("kind")))) for each in (obj, other)]
    kind = kinds[0] or kinds[1]
    filled = copy.deepcopy(obj)
    try:
        if kind is not None:
            defaults.apply(kind.plural, filled)
            metadata = {key: obj["metadata"][key] for key in obj["metadata"] if key not in _NOT_OF_THE_OBJECT}
            text = json.dumps({**filled, "apiVersion": kind.api_version, "metadata": metadata})
            filled = served(f"{kind.plural}/{metadata['name']}", text) or filled
    except (AttributeError, KeyError, TypeError, ValueError):  # not as the API server would take it
        return obj
    return filled


def _as_served(reference: str, text: str) -> Object | None:
    """What the API server makes of an object that it is given: addresses and families, what admission adds.

    None where it does not take it; it is told elsewhere why.
    """
    from grader.tasks import Task
    from grader.trial import Trial

    trial = Trial(Task("grader.defaults", 1, ""))
    try:
        trial.apply(text)
    except (ApiError, ManifestError):
        return None
    seen = trial.get(reference)
    return seen.object if seen is not None else None


_as_given = remembered(_as_served)  # of what a task gives: the same for every answer


def _is_default(path: Path_, written: tuple[Object, Object], filled: tuple[Object, Object]) -> bool:
    """Whether one of the two has here what the other gets without writing it; an empty value says nothing either."""
    values = [at(each, *path) for each in written]
    if None in values:
        absent = values.index(None)
        value = values[1 - absent]
        if path[-1] in _MEANT_ANYWAY and value == _MEANT_ANYWAY[path[-1]]:
            return True
        if not value:
            return at(filled[absent], *path) in (None, value)
    return any(_is_within(at(written[side], *path), at(filled[1 - side], *path)) for side in (0, 1))


def _is_within(some: Any, whole: Any) -> bool:
    if isinstance(some, dict) and isinstance(whole, dict):
        return bool(some) and all(_is_within(value, whole.get(key)) for key, value in some.items())
    return some is not None and type(some) is type(whole) and bool(some == whole)


def _is_quantity(path: Path_) -> bool:
    return (len(path) > 1 and path[-2] in ("requests", "limits", "capacity", "hard")) or path[-1:] == ("sizeLimit",)


def _is_name_of_a_port(path: Path_) -> bool:
    """A container's port may be given a name: who does not use it notices nothing."""
    return path[-1:] == ("name",) and path[-3:-2] == ("ports",) and "containers" in path


def _same_quantity(one: Any, other: Any) -> bool:
    try:
        return quantity.compare(str(one), str(other)) == 0
    except ValueError:
        return bool(one == other)


def _changes(before: Any, after: Any, path: Path_, free: frozenset[str]) -> list[Path_]:
    if (path and path[-1] in free) or (before is None and _is_name_of_a_port(path)):
        return []
    if isinstance(before, dict) and isinstance(after, dict):
        keys = list(dict.fromkeys([*before, *after]))
        if any(each in after and each not in before for each in _HANDLERS):
            keys = [each for each in keys if each in after or each not in _HANDLERS]
        return [each for key in keys for each in _changes(before.get(key), after.get(key), (*path, key), free)]
    if isinstance(before, list) and isinstance(after, list):
        longest = max(len(before), len(after))
        padded = [(*before, *[None] * longest), (*after, *[None] * longest)]
        return [each for i in range(longest) for each in _changes(padded[0][i], padded[1][i], (*path, i), free)]
    if _is_quantity(path) and None not in (before, after):
        return [] if _same_quantity(before, after) else [path]
    if isinstance(before, bool) or isinstance(after, bool):
        return [] if before is after else [path]
    if path[-1:] == ("mountPath",) and isinstance(before, str) and isinstance(after, str):
        before, after = before.rstrip("/"), after.rstrip("/")
    return [] if before == after else [path]
