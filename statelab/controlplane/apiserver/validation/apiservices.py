"""APIServices. Source: kube-aggregator/pkg/apis/apiregistration/validation, v1/defaults.go, pkg/registry/apiservice."""

from __future__ import annotations

import base64
import binascii

from statelab.controlplane.apiserver.encoding.go_json import go_quote
from statelab.controlplane.apiserver.validation import meta, names
from statelab.controlplane.apiserver.validation.fields import Errors, Fields, invalid, not_supported, required
from statelab.controlplane.apiserver.validation.rules import Rules, keep
from statelab.controlplane.kinds import Object
from statelab.controlplane.syntax import rfc1035_label

_LOCAL = "local APIServices may not have"
_KEPT = ("labels", "annotations", "finalizers", "ownerReferences")


def local_condition(now: str) -> Fields:
    """What every APIService without a Service says of itself."""
    return {
        "type": "Available", "status": "True", "lastTransitionTime": now, "reason": "Local",
        "message": "Local APIServices are always available",
    }  # fmt: skip


def create(obj: Object) -> Errors:
    spec = obj.get("spec") or {}
    group, version = spec.get("group") or "", spec.get("version") or ""
    wanted = f"{version}.{group}"

    def check_name(text: str) -> tuple[str, ...]:
        words = f'must be `spec.version+"."+spec.group`: {go_quote(wanted)}'
        return names.path_segment(text) or (() if text == wanted else (words,))

    errors = meta.metadata(obj["metadata"], namespaced=False, check_name=check_name)
    if not group and version != "v1":
        errors.append(required("spec.group", "only v1 may have an empty group and it better be legacy kube"))
    if group:
        errors += names.check_subdomain(group, "spec.group")
    errors += [invalid("spec.version", version, words) for words in rfc1035_label(version)]
    for key, most in (("groupPriorityMinimum", 20000), ("versionPriority", 1000)):
        number = spec.get(key) or 0
        if not 0 < number <= most:
            errors.append(invalid(f"spec.{key}", number, f"must be positive and less than {most}"))
    return errors + _server(spec)


def _server(spec: Fields) -> Errors:
    """Where the server is, and how its certificate is checked."""
    service, bundle, insecure = spec.get("service"), _size(spec), bool(spec.get("insecureSkipTLSVerify"))
    errors: Errors = []
    if service is None:
        if bundle:
            errors.append(invalid("spec.caBundle", f"{bundle} bytes", f"{_LOCAL} a caBundle"))
        if insecure:
            errors.append(invalid("spec.insecureSkipTLSVerify", True, f"{_LOCAL} insecureSkipTLSVerify"))
        return errors
    errors += [required(f"spec.service.{key}") for key in ("namespace", "name") if not service.get(key)]
    if insecure and bundle:
        errors.append(invalid("spec.insecureSkipTLSVerify", True, "may not be true if caBundle is present"))
    return errors


def _size(spec: Fields) -> int:
    try:
        return len(base64.b64decode(spec.get("caBundle") or ""))
    except binascii.Error:
        return 0  # it does not get here: it has been read already


def update(obj: Object, old: Object) -> Errors:
    return meta.metadata_update(obj["metadata"], old["metadata"]) + create(obj)


def update_status(obj: Object, old: Object) -> Errors:
    errors = meta.metadata_update(obj["metadata"], old["metadata"])
    for index, condition in enumerate((obj.get("status") or {}).get("conditions") or ()):
        if condition.get("status") not in ("True", "False", "Unknown"):
            here = f"status.conditions[{index}].status"
            errors.append(not_supported(here, condition.get("status", ""), ("False", "True", "Unknown")))
    return errors


def default(obj: Object) -> None:
    service = (obj.get("spec") or {}).get("service")
    if service is not None:
        service.setdefault("port", 443)


def new_status(obj: Object) -> Fields:
    if (obj.get("spec") or {}).get("service") is not None:
        return {}
    return {"conditions": [local_condition(obj["metadata"].get("creationTimestamp", ""))]}


def prepare_status(obj: Object, old: Object) -> None:
    for key in _KEPT:
        keep(key, obj["metadata"], old["metadata"])


RULES = {
    "apiservices": Rules(
        create, update, update_status, defaults=default, new_status=new_status, prepare_status=prepare_status
    )
}
