"""Dynamic Resource Allocation: DeviceClasses, ResourceClaims and their templates. Slices are in resourceslices.py.

Source: pkg/apis/resource/validation/validation.go, pkg/apis/resource/v1/defaults.go, pkg/registry/resource.
"""

from __future__ import annotations

from statelab.controlplane.apiserver.validation import device_names, device_selectors, difference, meta, names
from statelab.controlplane.apiserver.validation.device_names import MOST, by_name, each_of, set_of
from statelab.controlplane.apiserver.validation.fields import (
    IMMUTABLE,
    Errors,
    Fields,
    forbidden,
    go_struct,
    invalid,
    not_supported,
    required,
)
from statelab.controlplane.apiserver.validation.resource_claim_status import update_status
from statelab.controlplane.apiserver.validation.resources import is_extended
from statelab.controlplane.apiserver.validation.rules import Rules, spec_changed
from statelab.controlplane.kinds import Object

_TYPES = "io.k8s.api.resource.v1."
_MOST_SUBREQUESTS = 8
_MODES = ("All", "ExactCount")
_ONE_KIND = "exactly one of `exactly` or `firstAvailable` is required"
_ONE_CONSTRAINT = 'exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set'


# ---- defaults


def _claim_defaults(spec: Fields) -> None:
    devices = spec.get("devices") or {}
    for request in devices.get("requests") or ():
        for each in (request.get("exactly"), *(request.get("firstAvailable") or ())):
            if each is not None:
                _request_defaults(each)


def _request_defaults(request: Fields) -> None:
    mode = request.setdefault("allocationMode", "ExactCount")
    if mode == "ExactCount":
        request.setdefault("count", 1)
    for toleration in request.get("tolerations") or ():
        toleration.setdefault("operator", "Equal")


def _default_claim(obj: Object) -> None:
    _claim_defaults(obj["spec"])


def _default_template(obj: Object) -> None:
    _claim_defaults(obj["spec"]["spec"])


# ---- what is asked for: the spec of a claim


def _claim_spec(spec: Fields, field: str) -> Errors:
    devices = spec.get("devices") or {}
    requests = devices.get("requests") or []
    known = device_names.request_names(devices)
    errors = set_of(requests, MOST, _request, f"{field}.devices.requests", by_name)

    def constraint(value: Fields, here: str) -> Errors:
        return _constraint(value, known, here)

    def config(value: Fields, here: str) -> Errors:
        return device_names.references(value, known, here) + device_names.opaque(value, here)

    errors += each_of(devices.get("constraints") or [], MOST, constraint, f"{field}.devices.constraints")
    return errors + each_of(devices.get("config") or [], MOST, config, f"{field}.devices.config")


def _request(value: Fields, field: str) -> Errors:
    errors = names.check_label(value.get("name", ""), f"{field}.name")
    exactly, first = value.get("exactly"), value.get("firstAvailable") or []
    if exactly is None and not first:
        return [*errors, required(field, _ONE_KIND)]
    if exactly is not None and first:
        return [*errors, invalid(field, None, f"{_ONE_KIND}, but multiple fields are set")]
    if exactly is not None:
        return errors + _one_request(exactly, f"{field}.exactly")
    return errors + set_of(first, _MOST_SUBREQUESTS, _subrequest, f"{field}.firstAvailable", by_name)


def _subrequest(value: Fields, field: str) -> Errors:
    return names.check_label(value.get("name", ""), f"{field}.name") + _one_request(value, field)


def _one_request(value: Fields, field: str) -> Errors:
    named = value.get("deviceClassName", "")
    here = f"{field}.deviceClassName"
    errors = names.check_subdomain(named, here) if named else [required(here)]
    errors += _selectors(value, f"{field}.selectors")
    mode, count = value.get("allocationMode", ""), value.get("count", 0)
    if mode == "All":
        if count:
            errors.append(invalid(f"{field}.count", count, "must not be specified when allocationMode is 'All'"))
    elif mode == "ExactCount":
        if count <= 0:
            errors.append(invalid(f"{field}.count", count, "must be greater than zero"))
    else:
        errors.append(not_supported(f"{field}.allocationMode", mode, _MODES))
    return errors + device_names.tolerations(value, field)


def _selectors(value: Fields, field: str) -> Errors:
    return each_of(value.get("selectors") or [], MOST, _selector, field)


def _selector(value: Fields, field: str) -> Errors:
    if value.get("cel") is None:
        return [required(f"{field}.cel")]
    return device_selectors.problems(value["cel"].get("expression", ""), f"{field}.cel.expression")


def _constraint(value: Fields, known: device_names.RequestNames, field: str) -> Errors:
    errors = device_names.references(value, known, field)
    for key in ("matchAttribute", "distinctAttribute"):
        if value.get(key) is not None:
            return errors + device_names.fully_qualified(value[key], f"{field}.{key}")
    return [*errors, required(field, _ONE_CONSTRAINT)]


# ---- ResourceClaim


def create_claim(obj: Object) -> Errors:
    errors = meta.metadata(obj["metadata"], namespaced=True, check_name=names.subdomain)
    return errors + _claim_spec(obj["spec"], "spec")


def update_claim(obj: Object, old: Object) -> Errors:
    errors = meta.metadata_update(obj["metadata"], old["metadata"])
    return errors + _unchanged(obj, old, "ResourceClaimSpec")


def _unchanged(obj: Object, old: Object, kind: str) -> Errors:
    if not difference.differ(obj["spec"], old["spec"]):
        return []
    return [invalid("spec", go_struct(_TYPES + kind, obj["spec"]), IMMUTABLE)]


# ---- ResourceClaimTemplate


def create_template(obj: Object) -> Errors:
    errors = meta.metadata(obj["metadata"], namespaced=True, check_name=names.subdomain)
    own = obj["spec"].get("metadata") or {}
    errors += meta.check_annotations(own.get("annotations") or {}, "spec.metadata.annotations")
    errors += meta.labels(own.get("labels") or {}, "spec.metadata.labels")
    for key, value in own.items():
        if value and key not in ("labels", "annotations"):
            errors.append(forbidden(f"spec.metadata.{key}", "cannot be set"))
    return errors + _claim_spec(obj["spec"]["spec"], "spec.spec")


def update_template(obj: Object, old: Object) -> Errors:
    errors = meta.metadata_update(obj["metadata"], old["metadata"])
    return errors + _unchanged(obj, old, "ResourceClaimTemplateSpec")


# ---- DeviceClass


def create_class(obj: Object) -> Errors:
    errors = meta.metadata(obj["metadata"], namespaced=False, check_name=names.subdomain)
    return errors + _class_spec(obj["spec"], {})


def update_class(obj: Object, old: Object) -> Errors:
    return meta.metadata_update(obj["metadata"], old["metadata"]) + _class_spec(obj["spec"], old["spec"])


def _class_spec(spec: Fields, old: Fields) -> Errors:
    """What stands there as it stood before was judged when it was stored."""
    errors: Errors = []
    if not old or difference.differ(spec.get("selectors"), old.get("selectors")):
        errors += _selectors(spec, "spec.selectors")
    if not old or difference.differ(spec.get("config"), old.get("config")):
        errors += each_of(spec.get("config") or [], MOST, device_names.opaque, "spec.config")
    extended = spec.get("extendedResourceName")
    if extended is not None and not is_extended(extended):
        errors.append(invalid("spec.extendedResourceName", extended, "must be a valid extended resource name"))
    return errors


RULES = {
    "deviceclasses": Rules(create_class, update_class, counts=spec_changed),
    "resourceclaims": Rules(create_claim, update_claim, update_status, defaults=_default_claim),
    "resourceclaimtemplates": Rules(create_template, update_template, defaults=_default_template),
}
