"""What of a Pod may change by `resize`. Source: pkg/apis/core/validation/validation.go (ValidatePodResize)."""

from __future__ import annotations

from statelab.controlplane import qos
from statelab.controlplane.apiserver.validation import pods
from statelab.controlplane.apiserver.validation.difference import differ
from statelab.controlplane.apiserver.validation.fields import Errors, Fields, forbidden, invalid
from statelab.controlplane.kinds import Object

_MUTABLE = ("cpu", "memory")
_SECTIONS = ("containers", "initContainers")


def update(pod: Object, old: Object) -> Errors:
    """What is wrong with a Pod that came by its subresource `resize`."""
    errors = pods.metadata_and_spec(pod)
    spec, before = pod["spec"], old["spec"]
    if pods.MIRROR in (old["metadata"].get("annotations") or {}):
        return [forbidden("", "static pods cannot be resized")]
    if (before.get("os") or {}).get("name") == "windows":
        return [forbidden("", "windows pods cannot be resized")]
    if qos.qos_class(spec) != qos.qos_class(before):
        shown = (old.get("status") or {}).get("qosClass", "")
        errors.append(invalid("spec", shown, "Pod QOS Class may not change as a result of resizing"))
    order = [error for section in _SECTIONS for error in _order(spec, before, section)]
    if order:
        return errors + order
    for section in _SECTIONS:
        for index, (new, was) in enumerate(zip(spec.get(section) or (), before.get(section) or (), strict=True)):
            field = f"spec.{section}[{index}].resources"
            if section == "initContainers" and was.get("restartPolicy") != "Always":
                if differ(new.get("resources") or {}, was.get("resources") or {}):
                    errors.append(forbidden(field, "resources for non-sidecar init containers are immutable"))
                continue
            errors += _removed(new, was, field)
    errors += _removed(spec, before, "spec.resources")
    munged = {
        **_kept(spec, before),
        **{section: _munged(spec, before, section) for section in _SECTIONS if spec.get(section)},
    }
    if differ(munged, before):
        errors.append(forbidden("spec", "only cpu and memory resources are mutable"))
    return errors


def _order(spec: Fields, before: Fields, section: str) -> Errors:
    new, old = spec.get(section) or [], before.get(section) or []
    if len(new) != len(old):
        return [forbidden(f"spec.{section}", f"{section} may not be added or removed on resize")]
    return [
        forbidden(f"spec.{section}[{index}].name", f"{section} may not be renamed or reordered on resize")
        for index, (one, other) in enumerate(zip(new, old, strict=True))
        if one["name"] != other["name"]
    ]


def _removed(new: Fields, old: Fields, field: str) -> Errors:
    found: Errors = []
    for part in ("requests", "limits"):
        was, now = ((each.get("resources") or {}).get(part) or {} for each in (old, new))
        if any(name in was and name not in now for name in _MUTABLE):
            found.append(forbidden(f"{field}.{part}", f"resource {part} cannot be removed"))
    return found


def _munged(spec: Fields, before: Fields, section: str) -> list[Fields]:
    """The new containers with the CPU and memory of the old ones."""
    return [_kept(new, old) for new, old in zip(spec[section], before[section], strict=True)]


def _kept(new: Fields, old: Fields) -> Fields:
    """A Pod's spec, or a container, with the CPU and memory of before."""
    resources: Fields = {**(new.get("resources") or {})}
    for part in ("requests", "limits"):
        was, now = ((each.get("resources") or {}).get(part) or {} for each in (old, new))
        kept = {name: text for name, text in now.items() if name not in _MUTABLE}
        kept |= {name: text for name, text in was.items() if name in _MUTABLE}
        resources.pop(part, None)
        if kept:
            resources[part] = kept
    return {**new, "resources": resources} if resources or "resources" in old else _without(new)


def _without(value: Fields) -> Fields:
    return {key: each for key, each in value.items() if key != "resources"}
