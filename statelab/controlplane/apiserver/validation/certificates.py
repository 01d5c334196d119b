"""CertificateSigningRequests: who asks for what, who has approved it, and what was signed.

Source: pkg/apis/certificates/validation/validation.go, pkg/registry/certificates/certificates/strategy.go.
"""

from __future__ import annotations

import base64
import binascii

from statelab.controlplane import signing
from statelab.controlplane.apiserver.encoding.go_json import go_quote
from statelab.controlplane.apiserver.validation import meta, names
from statelab.controlplane.apiserver.validation.fields import (
    Errors,
    Fields,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    required,
    too_long,
)
from statelab.controlplane.apiserver.validation.rules import Rules, keep
from statelab.controlplane.kinds import Object

APPROVED, DENIED, FAILED = "Approved", "Denied", "Failed"
_SHORTEST_S = 600
_LONGEST_DOMAIN = 253
_LONGEST_SIGNER = _LONGEST_DOMAIN + 1 + 253 + 63 + 1
_LEGACY = "kubernetes.io/legacy-unknown"
_OPPOSITE = {APPROVED: DENIED, DENIED: APPROVED}
_BOTH = "Approved and Denied conditions are mutually exclusive"


def decoded(text: str) -> bytes:
    """The bytes of a field that holds some."""
    try:
        return base64.b64decode(text)
    except (ValueError, binascii.Error):
        return b""


def create(obj: Object) -> Errors:
    spec = obj.get("spec") or {}
    errors = meta.metadata(obj["metadata"], namespaced=False, check_name=names.path_segment)
    request = signing.read(decoded(spec.get("request") or ""))
    if isinstance(request, str):
        errors.append(invalid("spec.request", spec.get("request") or "", request))
    usages: list[str] = spec.get("usages") or []
    if not usages:
        errors.append(required("spec.usages", "usages must be provided"))
    for index, usage in enumerate(usages):
        if usage not in signing.USAGES:
            errors.append(not_supported(f"spec.usages[{index}]", usage, signing.USAGES))
        if usage in usages[:index]:
            errors.append(duplicate(f"spec.usages[{index}]", usage))
    errors += _signer(spec.get("signerName", ""), "spec.signerName")
    lasts_s = spec.get("expirationSeconds")
    if lasts_s is not None and lasts_s < _SHORTEST_S:
        words = "may not specify a duration less than 600 seconds (10 minutes)"
        errors.append(invalid("spec.expirationSeconds", lasts_s, words))
    status = obj.get("status") or {}
    errors += _conditions(status.get("conditions") or [])
    problem = signing.certificates_problem(decoded(status.get("certificate") or ""))
    return errors + ([invalid("status.certificate", "<certificate data>", problem)] if problem else [])


def _signer(name: str, field: str) -> Errors:
    if name == _LEGACY:
        return [invalid(field, name, "the legacy signerName is not allowed via this API version")]
    if not name:
        return [required(field, "signerName must be provided")]
    domain, slash, path = name.partition("/")
    if not slash or "/" in path:
        words = "must be a fully qualified domain and path of the form 'example.com/signer-name'"
        return [invalid(field, name, words)]
    errors: Errors = [too_long(field, _LONGEST_DOMAIN)] if len(domain) > _LONGEST_DOMAIN else []
    for part, check in ((domain, names.label), (path, names.subdomain)):
        for label in part.split("."):
            if problems := check(label):
                errors += [invalid(field, part, f"validating label {go_quote(label)}: {words}") for words in problems]
                break
        if part is domain and "." not in domain:
            words = "should be a domain with at least two segments separated by dots"
            errors.append(invalid(field, domain, words))
    return errors + ([too_long(field, _LONGEST_SIGNER)] if len(name) > _LONGEST_SIGNER else [])


def _conditions(conditions: list[Fields]) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for index, condition in enumerate(conditions):
        here, kind = f"status.conditions[{index}]", condition.get("type", "")
        if not kind:
            errors.append(required(f"{here}.type"))
        allowed = ("True",) if kind in (APPROVED, DENIED, FAILED) else ("False", "True", "Unknown")
        if not condition.get("status"):
            errors.append(required(f"{here}.status"))
        elif condition["status"] not in allowed:
            errors.append(not_supported(f"{here}.status", condition["status"], allowed))
        if _OPPOSITE.get(kind) in seen:
            errors.append(invalid(f"{here}.type", kind, _BOTH))
        if kind in seen:
            errors.append(duplicate(f"{here}.type", kind))
        seen.add(kind)
    return errors


# ---- changes


def _of_type(obj: Object, kind: str) -> list[Fields]:
    conditions = (obj.get("status") or {}).get("conditions") or ()
    return [each for each in conditions if each.get("type") == kind]


def _update(obj: Object, old: Object, *, approves: bool = False, signs: bool = False) -> Errors:
    errors = create(obj) + meta.metadata_update(obj["metadata"], old["metadata"])
    here = "status.conditions"
    for kind in (APPROVED, DENIED, FAILED):
        if len(_of_type(obj, kind)) < len(_of_type(old, kind)):
            errors.append(forbidden(here, f"updates may not remove a condition of type {go_quote(kind)}"))
    if not approves:
        for kind in (APPROVED, DENIED):
            new, before = _of_type(obj, kind), _of_type(old, kind)
            if len(new) > len(before):
                errors.append(forbidden(here, f"updates may not add a condition of type {go_quote(kind)}"))
            elif len(new) == len(before) and new != before:
                errors.append(forbidden(here, f"updates may not modify a condition of type {go_quote(kind)}"))
    certificate, before_it = ((each.get("status") or {}).get("certificate") or "" for each in (obj, old))
    if certificate != before_it:
        if not signs:
            errors.append(forbidden("status.certificate", "updates may not set certificate content"))
        elif before_it:
            errors.append(forbidden("status.certificate", "updates may not modify existing certificate content"))
    return errors


def update(obj: Object, old: Object) -> Errors:
    return _update(obj, old)


def update_status(obj: Object, old: Object) -> Errors:
    return _update(obj, old, signs=True)


def update_approval(obj: Object, old: Object) -> Errors:
    """What is wrong with a change by the subresource `approval`."""
    return _update(obj, old, approves=True)


def _prepare(obj: Object, old: Object | None) -> None:
    if old is not None:
        keep("spec", obj, old)  # what was asked for stays as it was asked for


def _prepare_status(obj: Object, old: Object) -> None:
    """Approvals are given elsewhere: a status keeps those there are."""
    status = obj.setdefault("status", {})
    conditions = [each for each in status.get("conditions") or () if each.get("type") not in (APPROVED, DENIED)]
    kept = [*_of_type(old, APPROVED), *_of_type(old, DENIED)]
    if kept or conditions:
        status["conditions"] = [*kept, *conditions]


RULES = {
    "certificatesigningrequests": Rules(
        create, update, update_status, prepare=_prepare, prepare_status=_prepare_status, new_status=lambda obj: {}
    )
}
