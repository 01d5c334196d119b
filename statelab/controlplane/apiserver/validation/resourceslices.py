"""ResourceSlices: the devices that a driver has on offer. Source: pkg/apis/resource/validation/validation.go."""

from __future__ import annotations

from itertools import pairwise

from statelab.controlplane import quantity
from statelab.controlplane.apiserver.validation import device_names, difference, meta, names, scheduling, sources
from statelab.controlplane.apiserver.validation.custom.cel.semver import is_version
from statelab.controlplane.apiserver.validation.device_names import by_name, each_of, map_of, set_of
from statelab.controlplane.apiserver.validation.fields import (
    Errors,
    Fields,
    GoValue,
    forbidden,
    go_struct,
    immutable,
    invalid,
    required,
    too_long,
)
from statelab.controlplane.apiserver.validation.rules import Rules, spec_changed
from statelab.controlplane.kinds import Object

_MOST_DEVICES, _MOST_DEVICES_WITH_MORE = 128, 64  # with more: with taints or counters
_MOST_VALUES = 32
_MOST_TAINTS = 16
_MOST_SETS, _MOST_COUNTERS, _MOST_CONSUMPTIONS = 8, 32, 2
_MOST_OPTIONS = 10
_LONGEST_VALUE = 64
_PLACES = ("nodeName", "nodeSelector", "allNodes", "perDeviceNodeSelection")
_ONE_PLACE = "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required"
_ONE_PLACE_OF_DEVICE = (
    "exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to true "
    "in the ResourceSlice spec"
)
_NO_PLACE_OF_DEVICE = (
    "`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in the "
    "ResourceSlice spec"
)
_ATTRIBUTE = "io.k8s.api.resource.v1.DeviceAttribute"
_ALPHA = ("bools", "ints", "strings", "versions")  # of attributes: lists come with a gate that is off


def create(obj: Object) -> Errors:
    errors = meta.metadata(obj["metadata"], namespaced=False, check_name=names.subdomain)
    return errors + _spec(obj["spec"], {})


def update(obj: Object, old: Object) -> Errors:
    return meta.metadata_update(obj["metadata"], old["metadata"]) + _spec(obj["spec"], old["spec"])


def _spec(spec: Fields, old: Fields) -> Errors:
    pool = spec.get("pool") or {}
    errors = sources.driver_name(spec.get("driver", ""), "spec.driver")
    errors += device_names.pool(pool.get("name", ""), "spec.pool.name")
    if pool.get("resourceSliceCount", 0) <= 0:
        count = pool.get("resourceSliceCount", 0)
        errors.append(invalid("spec.pool.resourceSliceCount", count, "must be greater than zero"))
    if pool.get("generation", 0) < 0:
        errors.append(invalid("spec.pool.generation", pool["generation"], "must be greater than or equal to zero"))
    if old:
        errors += immutable(pool.get("name"), (old.get("pool") or {}).get("name"), "spec.pool.name")
        errors += immutable(spec.get("driver"), old.get("driver"), "spec.driver")
        errors += immutable(spec.get("nodeName"), old.get("nodeName"), "spec.nodeName")
    errors += _place(spec, _PLACES, "spec", "must be either unset or set to a non-empty string")
    terms = (spec.get("nodeSelector") or {}).get("nodeSelectorTerms") or []
    if spec.get("nodeSelector") is not None and len(terms) != 1:
        shown = [go_struct("io.k8s.api.core.v1.NodeSelectorTerm", each) for each in terms]
        text = f"[{','.join(shown)}]" if shown else "null"
        errors.append(
            invalid("spec.nodeSelector.nodeSelectorTerms", GoValue(text), "must have exactly one node selector term")
        )
    errors += _one_place(spec, _PLACES, "spec", _ONE_PLACE, f"{_ONE_PLACE}, but multiple fields are set")
    devices, counters = spec.get("devices") or [], spec.get("sharedCounters") or []
    if devices and counters:
        errors.append(invalid("spec", "", "only one of `sharedCounters` or `devices` is allowed"))
    has_more = any(each.get("taints") or each.get("consumesCounters") for each in devices)
    before = {each.get("name"): each for each in old.get("devices") or ()}
    is_per_device = bool(spec.get("perDeviceNodeSelection"))

    def device(each: Fields, here: str) -> Errors:
        return _device(each, before.get(each.get("name")), here, is_per_device=is_per_device)

    most = _MOST_DEVICES_WITH_MORE if has_more else _MOST_DEVICES
    errors += set_of(devices, most, device, "spec.devices", by_name)
    return errors + set_of(counters, _MOST_SETS, _counter_set, "spec.sharedCounters", by_name)


# ---- where devices are


def _place(value: Fields, keys: tuple[str, ...], field: str, empty: str) -> Errors:
    """Each way to say on which nodes; nodeName "" says nothing, nor do flags that are false."""
    errors: Errors = []
    for key in keys:
        said, here = value.get(key), f"{field}.{key}"
        if key == "nodeName" and said is not None:
            errors += names.check_subdomain(said, here) if said else [invalid(here, said, empty)]
        elif key == "nodeSelector" and said is not None:
            errors += scheduling.node_selector(said, here)
        elif said is False:
            errors.append(invalid(here, said, "must be either unset or set to true"))
    return errors


def _one_place(value: Fields, keys: tuple[str, ...], field: str, none: str, several: str) -> Errors:
    said = [f"`{key}`" for key in keys if value.get(key) or (key == "nodeSelector" and value.get(key) is not None)]
    if not said:
        return [required(field, none)]
    return [] if len(said) == 1 else [invalid(field, f"{{{', '.join(said)}}}", several)]


# ---- a device


def _device(value: Fields, old: Fields | None, field: str, *, is_per_device: bool) -> Errors:
    errors = names.check_label(value.get("name", ""), f"{field}.name")
    attributes, capacity = value.get("attributes") or {}, value.get("capacity") or {}
    count = len(attributes) + len(capacity)
    if count > _MOST_VALUES:
        why = f"the total number of attributes and capacities must not exceed {_MOST_VALUES}"
        errors.append(invalid(field, count, why))
    errors += map_of(attributes, -1, device_names.qualified, _attribute, f"{field}.attributes")
    if old is None or difference.differ(capacity, old.get("capacity")):
        check = _shared_capacity if value.get("allowMultipleAllocations") else _capacity
        errors += map_of(capacity, -1, device_names.qualified, check, f"{field}.capacity")
    if old is None or difference.differ(value.get("taints"), old.get("taints")):
        errors += each_of(value.get("taints") or [], _MOST_TAINTS, device_names.taint, f"{field}.taints")
    consumed = value.get("consumesCounters") or []
    errors += set_of(
        consumed, _MOST_CONSUMPTIONS, _consumption, f"{field}.consumesCounters", lambda each: each.get("counterSet", "")
    )
    if is_per_device:
        errors += _place(value, _PLACES[:3], field, "must not be empty")
        errors += _one_place(value, _PLACES[:3], field, _ONE_PLACE_OF_DEVICE, _ONE_PLACE_OF_DEVICE)
    elif any(value.get(key) is not None for key in _PLACES[:3]):
        errors.append(invalid(field, None, _NO_PLACE_OF_DEVICE))
    return errors + device_names.binding_conditions(value, field)


def _attribute(value: Fields, field: str) -> Errors:
    errors: Errors = []
    text, version = value.get("string"), value.get("version")
    if text is not None and len(text) > _LONGEST_VALUE:
        errors.append(too_long(f"{field}.string", _LONGEST_VALUE))
    if version is not None:
        if not is_version(version):
            why = "must be a string compatible with semver.org spec 2.0.0"
            errors.append(invalid(f"{field}.version", version, why))
        if len(version) > _LONGEST_VALUE:
            errors.append(too_long(f"{field}.version", _LONGEST_VALUE))
    if len(value) != 1:
        shown = go_struct(_ATTRIBUTE, value) if value else ""
        errors.append(invalid(field, shown, "exactly one value must be specified"))
    return errors


def _capacity(value: Fields, field: str) -> Errors:
    if value.get("requestPolicy") is None:
        return []
    return [forbidden(f"{field}.requestPolicy", "allowMultipleAllocations must be true")]


def _shared_capacity(value: Fields, field: str) -> Errors:
    policy = value.get("requestPolicy") or {}
    options, bounds, default = policy.get("validValues") or [], policy.get("validRange"), policy.get("default")
    here = f"{field}.requestPolicy"
    if options and bounds is not None:
        why = 'exactly one policy can be specified, cannot specify "validValues" and "validRange" at the same time'
        return [forbidden(here, why)]
    if not options and bounds is None:
        return []
    if default is None:
        kind = "validValues" if options else "validRange"
        return [required(f"{here}.default", f"required when {kind} is defined")]
    if options:
        return _options(options, default, value["value"], f"{here}.validValues")
    return _range(bounds or {}, default, value["value"], f"{here}.validRange")


def _options(options: list[str], default: str, whole: str, field: str) -> Errors:
    errors: Errors = []
    for index, (one, other) in enumerate(pairwise(options), start=1):
        if quantity.compare(one, other) > 0:
            errors.append(invalid(f"{field}[{index}]", other, "values must be sorted in ascending order"))

    def option(each: str, here: str) -> Errors:
        larger = quantity.compare(each, whole) > 0
        return [invalid(here, each, f"option is larger than capacity value: {whole}")] if larger else []

    errors += set_of(options, _MOST_OPTIONS, option, field, lambda each: quantity.parse(each).nanos)
    if not any(quantity.compare(each, default) == 0 for each in options):
        errors.append(invalid(field, default, "default value is not valid according to the requestPolicy"))
    return errors


def _range(bounds: Fields, default: str, whole: str, field: str) -> Errors:
    least, most, step = bounds.get("min"), bounds.get("max"), bounds.get("step")
    if least is None:
        return [required(f"{field}.min", "required when validRange is defined")]
    errors: Errors = []
    for larger, smaller, key, shown, why in (
        (least, whole, "min", least, f"min is larger than capacity value: {whole}"),
        (least, default, "default", default, f"default is less than min: {least}"),
        (least, most, "max", least, f"min is larger than max: {most}"),
        (most, whole, "max", most, f"max is larger than capacity value: {whole}"),
        (default, most, "default", default, f"default is more than max: {most}"),
    ):
        if larger is not None and smaller is not None and quantity.compare(larger, smaller) > 0:
            errors.append(invalid(f"{field}.{key}", shown, why))
    if step is None:
        return errors
    start, by = quantity.parse(least).nanos, quantity.parse(step).nanos
    if by <= 0:
        return [*errors, invalid(f"{field}.step", step, "must be greater than zero")]
    if start + by > quantity.parse(whole).nanos:
        added = quantity.of_nanos(start + by, binary=quantity.is_binary(least)).text
        errors.append(invalid(f"{field}.step", step, f"one step {added} is larger than capacity value: {whole}"))
    for each in (default, most):
        if each is not None and (quantity.parse(each).nanos - start) % by:
            why = f"value is not a multiple of a given step ({step}) from ({least})"
            errors.append(invalid(f"{field}.step", each, why))
    return errors


# ---- counters


def _counter_set(value: Fields, field: str) -> Errors:
    own = value.get("name", "")
    errors = names.check_label(own, f"{field}.name") if own else [required(f"{field}.name")]
    return errors + _counters(value, field)


def _consumption(value: Fields, field: str) -> Errors:
    own = value.get("counterSet", "")
    errors = names.check_label(own, f"{field}.counterSet") if own else [required(f"{field}.counterSet")]
    return errors + _counters(value, field)


def _counters(value: Fields, field: str) -> Errors:
    counters = value.get("counters") or {}
    if not counters:
        return [required(f"{field}.counters")]
    return map_of(counters, _MOST_COUNTERS, names.check_label, lambda _each, _here: [], f"{field}.counters")


# ---- what is left out


def _prepare(obj: Object, old: Object | None) -> None:
    """Fields of gates that are off are dropped."""
    for device in obj["spec"].get("devices") or ():
        device.pop("nodeAllocatableResourceMappings", None)
        for attribute in (device.get("attributes") or {}).values():
            for key in _ALPHA:
                attribute.pop(key, None)


RULES = {"resourceslices": Rules(create, update, prepare=_prepare, counts=spec_changed)}
