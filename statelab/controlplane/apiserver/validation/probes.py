"""Probes and lifecycle hooks. Source: pkg/apis/core/validation/validation.go (validateProbe, validateHandler)."""

from __future__ import annotations

from statelab.controlplane.apiserver.validation import names
from statelab.controlplane.apiserver.validation.fields import (
    Errors,
    Fields,
    forbidden,
    invalid,
    non_negative,
    not_supported,
    required,
)

_SECONDS = ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")
_PROBE_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc")
_HOOK_HANDLERS = ("exec", "httpGet", "tcpSocket", "sleep")


def all_of(container: Fields, grace_period_s: int, field: str) -> Errors:
    """The hooks and probes of one container that may have them."""
    errors: Errors = []
    lifecycle = container.get("lifecycle") or {}
    for key in ("postStart", "preStop"):
        if lifecycle.get(key) is not None:
            errors += _handler(lifecycle[key], _HOOK_HANDLERS, grace_period_s, f"{field}.lifecycle.{key}")
    for key in ("livenessProbe", "readinessProbe", "startupProbe"):
        probe = container.get(key)
        if probe is None:
            continue
        here = f"{field}.{key}"
        errors += _probe(probe, grace_period_s, here)
        if key == "readinessProbe":
            if probe.get("terminationGracePeriodSeconds") is not None:
                value = probe["terminationGracePeriodSeconds"]
                why = "must not be set for readinessProbes"
                errors.append(invalid(f"{here}.terminationGracePeriodSeconds", value, why))
        elif probe.get("successThreshold", 0) != 1:
            errors.append(invalid(f"{here}.successThreshold", probe.get("successThreshold", 0), "must be 1"))
    return errors


def _probe(probe: Fields, grace_period_s: int, field: str) -> Errors:
    errors = _handler(probe, _PROBE_HANDLERS, grace_period_s, field)
    for key in _SECONDS:
        errors += non_negative(probe.get(key), f"{field}.{key}")
    grace = probe.get("terminationGracePeriodSeconds")
    if grace is not None and grace <= 0:
        errors.append(invalid(f"{field}.terminationGracePeriodSeconds", grace, "must be greater than 0"))
    return errors


def _handler(value: Fields, kinds: tuple[str, ...], grace_period_s: int, field: str) -> Errors:
    errors: Errors = []
    found = 0
    for kind in kinds:
        action = value.get(kind)
        if action is None:
            continue
        found += 1
        here = f"{field}.{kind}"
        if found > 1:
            errors.append(forbidden(here, "may not specify more than 1 handler type"))
        elif kind == "exec":
            if not action.get("command"):
                errors.append(required(f"{here}.command"))
        elif kind == "httpGet":
            errors += _http_get(action, here)
        elif kind == "sleep":
            seconds = action.get("seconds", 0)
            if not 0 <= seconds <= grace_period_s:
                why = f"must be non-negative and less than terminationGracePeriodSeconds ({grace_period_s})"
                errors.append(invalid(here, seconds, why))
        else:
            errors += names.check_port(action.get("port", 0), f"{here}.port")
    if not found:
        errors.append(required(field, "must specify a handler type"))
    return errors


def _http_get(action: Fields, field: str) -> Errors:
    errors: Errors = [] if action.get("path") else [required(f"{field}.path")]
    errors += names.check_port(action.get("port", 0), f"{field}.port")
    scheme = action.get("scheme", "")
    if scheme not in ("HTTP", "HTTPS"):
        errors.append(not_supported(f"{field}.scheme", scheme, ("HTTP", "HTTPS")))
    for header in action.get("httpHeaders") or ():
        name = header.get("name", "")
        errors += [invalid(f"{field}.httpHeaders", name, words) for words in names.header_name(name)]
    return errors
