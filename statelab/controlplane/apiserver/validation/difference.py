"""Whether two specs mean the same, and where they do not: a unified diff of the server's internal structs.

Source: apimachinery/pkg/util/diff/diff.go (JSON with one space of indent, three lines of context).
"""

from __future__ import annotations

import difflib
import json
from typing import Any

from statelab.controlplane.apiserver.encoding import go_types, schemas
from statelab.controlplane.apiserver.validation.fields import Fields, go_fields, html_safe

# The internal PodSpec has an order of its own, and keeps what concerns the host's namespaces in its securityContext.
_POD_SPEC = (
    "Volumes", "InitContainers", "Containers", "EphemeralContainers", "RestartPolicy",
    "TerminationGracePeriodSeconds", "ActiveDeadlineSeconds", "DNSPolicy", "NodeSelector", "ServiceAccountName",
    "AutomountServiceAccountToken", "NodeName", "SecurityContext", "ImagePullSecrets", "Hostname", "Subdomain",
    "SetHostnameAsFQDN", "Affinity", "SchedulerName", "Tolerations", "HostAliases", "PriorityClassName", "Priority",
    "PreemptionPolicy", "DNSConfig", "ReadinessGates", "RuntimeClassName", "Overhead", "EnableServiceLinks",
    "TopologySpreadConstraints", "OS", "SchedulingGates", "ResourceClaims", "Resources", "HostnameOverride",
)  # fmt: skip
_OF_HOST = ("HostNetwork", "HostPID", "HostIPC", "ShareProcessNamespace", "HostUsers")
_NOT_INTERNAL = {*_OF_HOST, "DeprecatedServiceAccount"}


def _before(struct: Fields, first: str, second: str) -> Fields:
    """The struct with one field moved in front of another: the internal type has them the other way round."""
    names = [name for name in struct if name != first]
    if first in struct and second in struct:
        names.insert(names.index(second), first)
    return {name: struct[name] for name in names}


def differ(new: Any, old: Any) -> bool:
    """Semantic inequality: absent, null and empty are one (apiequality.Semantic.DeepEqual)."""
    if new == old:
        return False
    if isinstance(new, dict) and isinstance(old, dict):
        return any(differ(new.get(key), old.get(key)) for key in {*new, *old})
    if isinstance(new, list) and isinstance(old, list):
        return len(new) != len(old) or any(differ(a, b) for a, b in zip(new, old, strict=True))
    return not (_is_nothing(new) and _is_nothing(old))


def _is_nothing(value: Any) -> bool:
    return value is None or value == [] or value == {}


def text(definition: str, old: Fields, new: Fields, *, only: frozenset[str] = frozenset()) -> str:
    """What `new` changes of `old`, both of that definition; `only` limits it to fields, by JSON name."""
    before, after = (_lines(definition, each, only) for each in (old, new))
    return "".join([*difflib.unified_diff(before, after, n=3)][2:])


def _lines(definition: str, value: Fields, only: frozenset[str]) -> list[str]:
    struct = go_fields(definition, value)
    if only:
        struct = {field.name: struct[field.name] for field in go_types.fields_of(definition) if field.json in only}
    if definition == f"{schemas.CORE}PodSpec":
        struct = _internal_pod_spec(struct)
    rendered = html_safe(json.dumps(struct, indent=1, ensure_ascii=False, separators=(",", ": ")))
    return [f"{line}\n" for line in rendered.split("\n")]


def internal_pod_spec(spec: Fields) -> Fields:
    """A PodSpec as the server's internal struct."""
    return _internal_pod_spec(go_fields(f"{schemas.CORE}PodSpec", spec))


def _internal_pod_spec(struct: Fields) -> Fields:
    struct = dict(struct)
    if struct.get("SecurityContext") is not None:
        found = {**{name: struct.get(name) for name in _OF_HOST}, **struct["SecurityContext"]}
        struct["SecurityContext"] = _before(found, "FSGroupChangePolicy", "Sysctls")
    rest = [name for name in struct if name not in _POD_SPEC and name not in _NOT_INTERNAL]
    return {name: struct[name] for name in (*_POD_SPEC, *rest) if name in struct}
