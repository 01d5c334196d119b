"""The query parameters of a request, read as Go reads them and checked as upstream checks them.

Source: apimachinery/pkg/runtime/converter.go, apis/meta/v1/validation, apis/meta/internalversion/validation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from statelab.controlplane import errors
from statelab.controlplane.apiserver.encoding.go_json import go_quote
from statelab.controlplane.apiserver.encoding.request import Request
from statelab.controlplane.apiserver.registry.listing import parse_resource_version
from statelab.controlplane.apiserver.registry.writing import WriteOptions
from statelab.controlplane.errors import FieldError
from statelab.controlplane.kinds import Kind, Object
from statelab.controlplane.labels import FieldSelector, Selector, parse_field_selector, parse_label_selector
from statelab.controlplane.store import Cause
from statelab.controlplane.users import ADMIN

_LONGEST_MANAGER = 128
_FIELD_VALIDATIONS = ("Ignore", "Strict", "Warn")
_NOT_OLDER_THAN, _EXACT = "NotOlderThan", "Exact"


def boolean(request: Request, name: str) -> bool:
    """Go's conversion of a parameter: there and neither "false" nor "0"."""
    values = request.query.get(name) or ()
    return bool(values) and values[0].lower() not in ("false", "0")


def integer(request: Request, name: str) -> int | None:
    """A whole number of 64 bits, or None when it is not there. Raises ApiError 400 in strconv's words."""
    text = request.first(name)
    if name not in request.query:
        return None
    digits = text[1:] if text[:1] in ("-", "+") else text
    if not (digits.isascii() and digits.isdigit()):
        raise errors.bad_request(f"strconv.ParseInt: parsing {go_quote(text)}: invalid syntax")
    if len(digits.lstrip("0")) > 19 or not -(2**63) <= int(text) < 2**63:
        raise errors.bad_request(f"strconv.ParseInt: parsing {go_quote(text)}: value out of range")
    return int(text)


# ---- writing


def write_options(request: Request, kind: str, warnings: list[str], *, is_apply: bool = False) -> WriteOptions:
    """The options of a create, an update or a patch. `kind`: CreateOptions, UpdateOptions or PatchOptions.

    Raises ApiError 422.
    """
    manager = request.first("fieldManager")
    validation = request.first("fieldValidation")
    findings: list[FieldError] = []
    if kind == "PatchOptions":
        if is_apply and not manager:
            findings.append(
                FieldError("fieldManager", "FieldValueRequired", "Required value: is required for apply patch")
            )
        if not is_apply and "force" in request.query:
            findings.append(
                FieldError("force", "FieldValueForbidden", "Forbidden: may not be specified for non-apply patch")
            )
    findings += _manager_findings(manager)
    findings += dry_run_findings(request.query.get("dryRun") or ())
    if validation and validation not in _FIELD_VALIDATIONS:
        findings.append(_not_supported("fieldValidation", validation, _FIELD_VALIDATIONS))
    if findings:
        raise errors.invalid(Kind("meta.k8s.io", "v1", kind, ""), "", findings)
    return WriteOptions(
        _cause(request),
        dry_run=bool(request.query.get("dryRun")),
        field_manager=manager or _manager_of_agent(request),
        force=boolean(request, "force"),
        field_validation=validation_of(request),
        warnings=warnings,
        user=request.user,
    )


def validation_of(request: Request) -> Literal["Strict", "Warn", "Ignore"]:
    """What to do about unknown fields; to warn is what happens when nothing is said."""
    asked = request.first("fieldValidation")
    return "Strict" if asked == "Strict" else "Ignore" if asked == "Ignore" else "Warn"


def delete_options(request: Request, body: Object, warnings: list[str]) -> tuple[Object, WriteOptions]:
    """What a DELETE asks for: its body where there is one, else its query. Raises ApiError 400, 422."""
    options = dict(body)
    if not body:
        grace_s = integer(request, "gracePeriodSeconds")
        if grace_s is not None:
            options["gracePeriodSeconds"] = grace_s
        if request.first("propagationPolicy"):
            options["propagationPolicy"] = request.first("propagationPolicy")
        if "orphanDependents" in request.query:
            options["orphanDependents"] = boolean(request, "orphanDependents")
        if request.query.get("dryRun"):
            options["dryRun"] = list(request.query["dryRun"])
    dry_run = options.get("dryRun") or ()
    findings = dry_run_findings(dry_run)
    if findings:
        raise errors.invalid(Kind("meta.k8s.io", "v1", "DeleteOptions", ""), "", findings)
    return options, WriteOptions(_cause(request), dry_run=bool(dry_run), user=request.user, warnings=warnings)


def dry_run_findings(values: object) -> list[FieldError]:
    """Source: ValidateDryRun. Go shows the whole list as it would be written in Go."""
    listed = [str(each) for each in values] if isinstance(values, list | tuple) else [str(values)]
    if all(each == "All" for each in listed):
        return []
    shown = "[]string{" + ", ".join(go_quote(each) for each in listed) + "}"
    return [_not_supported("dryRun", shown, ("All",), quoted=False)]


def _manager_findings(manager: str) -> list[FieldError]:
    findings = []
    if len(manager.encode("utf-8", "replace")) > _LONGEST_MANAGER:
        message = f"Too long: may not be more than {_LONGEST_MANAGER} bytes"
        findings.append(FieldError("fieldManager", "FieldValueTooLong", message))
    for index, char in enumerate(manager):
        if not (char.isprintable() or char == " "):
            message = f"Invalid value: {go_quote(manager)}: should only contain printable characters"
            findings.append(FieldError("fieldManager", "FieldValueInvalid", message))
            break
        if index > 2 * _LONGEST_MANAGER:
            break
    return findings


def _not_supported(field: str, value: str, supported: tuple[str, ...], *, quoted: bool = True) -> FieldError:
    known = ", ".join(go_quote(each) for each in supported)
    shown = go_quote(value) if quoted else value
    return FieldError(field, "FieldValueNotSupported", f"Unsupported value: {shown}: supported values: {known}")


def _manager_of_agent(request: Request) -> str:
    """Source: handlers/create.go managerOrUserAgent: what stands before the first "/" of the User-Agent."""
    agent = request.headers.get("user-agent", "").partition("/")[0]
    return "".join(char for char in agent if char.isprintable())[:_LONGEST_MANAGER] or "unknown"


def _cause(request: Request) -> Cause:
    manager = request.first("fieldManager") or request.headers.get("user-agent", "").partition("/")[0]
    who = "you" if request.user is ADMIN else request.user.name
    return Cause(who, f"{who} asked for it with {manager}" if manager else f"{who} asked for it")


# ---- reading


@dataclass(frozen=True, slots=True)
class ListOptions:
    """What a list or a watch asks for, checked. `matches` is None when everything is meant."""

    matches: Callable[[Object], bool] | None = None
    limit: int = 0
    continue_token: str = ""
    resource_version: str = ""
    match: str = ""
    watch: bool = False
    bookmarks: bool = False
    timeout_s: int | None = None
    send_initial: bool | None = None


def list_options(request: Request, kind: Kind, name: str = "") -> ListOptions:
    """Raises ApiError 400 for what cannot be read, 422 for what does not go together."""
    send_initial = boolean(request, "sendInitialEvents") if "sendInitialEvents" in request.query else None
    options = ListOptions(
        limit=integer(request, "limit") or 0,
        continue_token=request.first("continue"),
        resource_version=request.first("resourceVersion"),
        match=request.first("resourceVersionMatch"),
        watch=boolean(request, "watch"),
        bookmarks=boolean(request, "allowWatchBookmarks"),
        timeout_s=integer(request, "timeoutSeconds"),
        send_initial=send_initial,
        matches=_matcher(request, kind, name),
    )
    findings = _watch_findings(options) if options.watch else _list_findings(options)
    if findings:
        raise errors.invalid(Kind("meta.k8s.io", "v1", "ListOptions", ""), "", findings)
    if options.resource_version not in ("", "0"):
        parse_resource_version(options.resource_version)
    return options


def _matcher(request: Request, kind: Kind, name: str) -> Callable[[Object], bool] | None:
    label_text, field_text = request.first("labelSelector"), request.first("fieldSelector")
    by_label: Selector | None = parse_label_selector(label_text) if label_text.strip() else None
    fields = kind.custom.selectable if kind.custom is not None else None
    by_field: FieldSelector | None = (
        parse_field_selector(field_text, kind.plural, fields) if field_text.strip() else None
    )
    if not (by_label or by_field or name):
        return None

    def matches(obj: Object) -> bool:
        metadata = obj["metadata"]
        return (
            (not name or metadata["name"] == name)
            and (by_label is None or by_label(metadata.get("labels") or {}))
            and (by_field is None or by_field(obj))
        )

    return matches


def _forbidden(field: str, text: str) -> FieldError:
    return FieldError(field, "FieldValueForbidden", f"Forbidden: {text}")


def _list_findings(options: ListOptions) -> list[FieldError]:
    field, match, findings = "resourceVersionMatch", options.match, []
    if match:
        if not options.resource_version:
            findings.append(_forbidden(field, f"{field} is forbidden unless resourceVersion is provided"))
        if options.continue_token:
            findings.append(_forbidden(field, f"{field} is forbidden when continue is provided"))
        if match not in (_EXACT, _NOT_OLDER_THAN):
            findings.append(_not_supported(field, match, (_EXACT, _NOT_OLDER_THAN, "")))
        if match == _EXACT and options.resource_version == "0":
            findings.append(_forbidden(field, f'{field} "exact" is forbidden for resourceVersion "0"'))
    if options.send_initial is not None:
        findings.append(_forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"))
    return findings


def _watch_findings(options: ListOptions) -> list[FieldError]:
    field, match, findings = "resourceVersionMatch", options.match, []
    if options.send_initial is not None and match != _NOT_OLDER_THAN:
        text = f"sendInitialEvents requires setting resourceVersionMatch to {_NOT_OLDER_THAN}"
        findings.append(_forbidden(field, text))
    if match:
        if options.send_initial is None:
            text = f"{field} is forbidden for watch unless sendInitialEvents is provided"
            findings.append(_forbidden(field, text))
        if match != _NOT_OLDER_THAN:
            findings.append(_not_supported(field, match, (_NOT_OLDER_THAN,)))
        if options.continue_token:
            findings.append(_forbidden(field, f"{field} is forbidden when continue is provided"))
    return findings
