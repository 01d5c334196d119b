"""What `kubectl apply` sends when an object is there already: its three-way patch, out of the texts and what lives.

Source: kubectl's pkg/util/apply and apimachinery's strategicpatch, CreateThreeWayMergePatch. Keyed lists are made whole
here, because the patch is a JSON merge patch.
"""

from __future__ import annotations

from typing import Any

from statelab.controlplane.apiserver.patch.patch import merge_patch
from statelab.controlplane.kinds import Object

# List → the fields by which its members are known, the first that they have. Other lists are taken as they are written.
_KEYS = {
    "containers": ("name",),
    "initContainers": ("name",),
    "volumes": ("name",),
    "env": ("name",),
    "imagePullSecrets": ("name",),
    "volumeMounts": ("mountPath",),
    "ports": ("containerPort", "port"),
}


def patch_of(last: Object, new: Object, live: Object) -> Object:
    """A JSON merge patch: what `new` says, without what only `last` had said; what others wrote stays.

    `last`: the text that was applied before. None of the three is changed.
    """
    gone = {key: None for key in last if key not in new}
    return {**gone, **{key: _patch(key, last.get(key), value, live.get(key)) for key, value in new.items()}}


def _patch(field: str, last: Any, new: Any, live: Any) -> Any:
    if isinstance(new, dict):
        return patch_of(last if isinstance(last, dict) else {}, new, live if isinstance(live, dict) else {})
    if isinstance(new, list) and isinstance(live, list):
        key = next((each for each in _KEYS.get(field, ()) if _all_have(each, new) and _all_have(each, live)), None)
        return _members(key, last if isinstance(last, list) else [], new, live) if key else new
    return new


def _all_have(key: str, members: list[Any]) -> bool:
    return all(isinstance(each, dict) and key in each for each in members)


def _members(key: str, last: list[Any], new: list[Any], live: list[Any]) -> list[Any]:
    before = {each.get(key): each for each in last if isinstance(each, dict)}
    lives = {each[key]: each for each in live}
    made = [
        merge_patch(lives.get(each[key], {}), patch_of(before.get(each[key], {}), each, lives.get(each[key], {})))
        for each in new
    ]
    named = {each[key] for each in new}
    return made + [each for each in live if each[key] not in named and each[key] not in before]


__all__ = ["patch_of"]
