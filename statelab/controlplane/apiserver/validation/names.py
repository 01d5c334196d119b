"""Names, labels, ports and addresses of a field: what a text may look like (controlplane/syntax.py), as errors."""

from __future__ import annotations

from statelab.controlplane.apiserver.validation.fields import Errors, invalid
from statelab.controlplane.syntax import (
    BAD_ID,
    BAD_PORT,
    LABEL_WORDS,
    SUBDOMAIN_WORDS,
    at_most,
    cidr_problems,
    config_key,
    env_name,
    generated,
    header_name,
    ip_problems,
    is_ip,
    label,
    label_re,
    label_value,
    parse_cidr,
    parse_ip,
    percent,
    port_name,
    port_number,
    qualified,
    subdomain,
    subdomain_re,
)

__all__ = [
    "BAD_ID",
    "BAD_PORT",
    "LABEL_WORDS",
    "SUBDOMAIN_WORDS",
    "at_most",
    "check_cidr",
    "check_ip",
    "check_label",
    "check_port",
    "check_qualified",
    "check_subdomain",
    "config_key",
    "env_name",
    "generated",
    "header_name",
    "is_ip",
    "label",
    "label_re",
    "label_value",
    "parse_cidr",
    "parse_ip",
    "percent",
    "port_name",
    "port_number",
    "qualified",
    "subdomain",
    "subdomain_re",
]


def check_label(text: str, field: str) -> Errors:
    return [invalid(field, text, words) for words in label(text)]


def check_subdomain(text: str, field: str) -> Errors:
    return [invalid(field, text, words) for words in subdomain(text)]


def check_qualified(text: str, field: str) -> Errors:
    return [invalid(field, text, words) for words in qualified(text)]


def check_ip(text: str, field: str) -> Errors:
    return [invalid(field, text, words) for words in ip_problems(text)]


def check_cidr(text: str, field: str) -> Errors:
    return [invalid(field, text, words) for words in cidr_problems(text)]


def check_port(port: int | str, field: str) -> Errors:
    """A port by number or by name."""
    problems = port_name(port) if isinstance(port, str) else port_number(port)
    return [invalid(field, port, words) for words in problems]


def path_segment(name: str) -> tuple[str, ...]:
    """What every name must be to stand in an address (path.ValidatePathSegmentName)."""
    if name in (".", ".."):
        return (f"may not be '{name}'",)
    return tuple(f"may not contain '{char}'" for char in "/%" if char in name)
