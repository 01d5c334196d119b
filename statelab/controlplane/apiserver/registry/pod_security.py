"""Pod Security admission: a namespace's labels say what its Pods may be. Source: pod-security-admission/admission.

As on a fresh cluster: no labels mean `privileged`, nobody is exempt, `warn` is as strict as `enforce` unless it is set.
Audit annotations are not kept: there is no audit log.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any, NamedTuple

from statelab.controlplane import errors
from statelab.controlplane.apiserver.registry.service_ips import Reader
from statelab.controlplane.apiserver.validation.podsecurity import LEVELS, Finding, Level, findings, told
from statelab.controlplane.errors import FieldError
from statelab.controlplane.kinds import KINDS, Object

Fields = dict[str, Any]

LABEL = "pod-security.kubernetes.io/"
_VERSION = re.compile(r"v1\.(0|[1-9][0-9]*)")
_NEWEST = 36
_MOST_PODS = 3000


class Rule(NamedTuple):
    """A level of a version of the standards; `minor` is None for the latest."""

    level: Level = "privileged"
    minor: int | None = None

    def __str__(self) -> str:
        return f"{self.level}:{'latest' if self.minor is None else f'v1.{self.minor}'}"

    def forbids(self, metadata: Fields, spec: Fields) -> list[Finding]:
        minor = _NEWEST if self.minor is None else min(self.minor, _NEWEST)
        return findings(self.level, minor, metadata, spec)


def check(plural: str, obj: Object, old: Object | None, cluster: Reader) -> list[str]:
    """Warnings about this write of a Pod, of what makes Pods, or of a namespace. Raises ApiError 403 or 422."""
    if plural == "namespaces":
        return _namespace(obj, old, cluster)
    template = None if plural == "pods" else _template(obj) if plural in KINDS else {}
    if template == {}:
        return []
    namespace = cluster.get("namespaces", obj["metadata"].get("namespace", ""))
    labels = (namespace or {}).get("metadata", {}).get("labels") or {}
    if not any(key.startswith(LABEL) for key in labels):
        return []
    enforce, warn, _ = policy(labels)
    if template is not None:
        found = warn.forbids(template.get("metadata") or {}, template["spec"])
    else:
        if old is not None and not _matters(obj, old):
            return []
        found = enforce.forbids(obj["metadata"], obj["spec"])
        if found:
            why = f'violates PodSecurity "{enforce}": {told(found)}'
            raise errors.forbidden(KINDS["pods"], obj["metadata"].get("name", ""), why)
        found = warn.forbids(obj["metadata"], obj["spec"])
    return [f'would violate PodSecurity "{warn}": {told(found)}'] if found else []


def policy(labels: Fields) -> tuple[Rule, Rule, list[FieldError]]:
    """What is enforced, what is warned of, and what cannot be read in a namespace's labels."""
    wrong: list[FieldError] = []
    rules: dict[str, Rule] = {}
    for mode in ("enforce", "audit", "warn"):
        level: Level = "privileged"
        minor: int | None = None
        if (text := labels.get(LABEL + mode)) is not None:
            known = next((each for each in LEVELS if each == text), None)
            level = known or ("restricted" if mode == "enforce" else "privileged")
            if known is None:
                wrong.append(_unreadable(mode, text, f"must be one of {', '.join(LEVELS)}"))
        if (text := labels.get(f"{LABEL}{mode}-version")) is not None and text != "latest":
            found = _VERSION.fullmatch(text)
            minor = int(found[1]) if found else None
            if found is None:
                wrong.append(_unreadable(f"{mode}-version", text, 'must be "latest" or "v1.x"'))
        rules[mode] = Rule(level, minor)
    enforce, warn = rules["enforce"], rules["warn"]
    if LABEL + "warn" not in labels and LEVELS.index(enforce.level) > LEVELS.index(warn.level):
        warn = Rule(enforce.level, warn.minor if f"{LABEL}warn-version" in labels else enforce.minor)
    return enforce, warn, wrong


def _unreadable(label: str, value: str, why: str) -> FieldError:
    return FieldError(f"metadata.labels[{LABEL}{label}]", "FieldValueInvalid", f'Invalid value: "{value}": {why}')


def _template(obj: Object) -> Fields:
    """The template of the Pods that an object will make; {} where it makes none."""
    holder = (obj.get("spec") or {}).get("jobTemplate", obj)
    template: Fields = holder.get("template") or (holder.get("spec") or {}).get("template") or {}
    return template if (template.get("spec") or {}).get("containers") else {}


def _matters(pod: Object, old: Object) -> bool:
    """Whether an update touches what is judged: an image, or a container more or less."""

    def judged(one: Object) -> list[list[tuple[Any, Any]]]:
        keys = ("containers", "initContainers", "ephemeralContainers")
        return [[(each.get("name"), each.get("image")) for each in one["spec"].get(key) or ()] for key in keys]

    return judged(pod) != judged(old)


# ---- a namespace's labels


def _namespace(obj: Object, old: Object | None, cluster: Reader) -> list[str]:
    labels = obj["metadata"].get("labels") or {}
    if not any(key.startswith(LABEL) for key in labels):
        return []
    enforce, _, wrong = policy(labels)
    before, _, was_wrong = policy((old or {}).get("metadata", {}).get("labels") or {})
    if wrong and wrong != was_wrong:
        raise errors.invalid(KINDS["namespaces"], obj["metadata"].get("name", ""), wrong)
    relaxed = enforce.minor == before.minor and LEVELS.index(enforce.level) <= LEVELS.index(before.level)
    if old is None or enforce.level == "privileged" or relaxed:
        return []
    return _of_its_pods(obj["metadata"]["name"], enforce, cluster)


def _of_its_pods(namespace: str, rule: Rule, cluster: Reader) -> list[str]:
    """What the new rule would say of the Pods that are there: a line for each kind of fault."""
    pods = list(cluster.list("pods", namespace))
    faults: dict[str, list[str]] = defaultdict(list)
    for pod in pods[:_MOST_PODS]:
        if found := rule.forbids(pod["metadata"], pod["spec"]):
            faults[", ".join(each.reason for each in found)].append(pod["metadata"]["name"])
    warnings = []
    if len(pods) > _MOST_PODS:
        warnings.append(
            f"new PodSecurity enforce level only checked against the first {_MOST_PODS} of {len(pods)} existing pods"
        )
    if faults:
        warnings.append(f'existing pods in namespace "{namespace}" violate the new PodSecurity enforce level "{rule}"')
    others = {1: "", 2: " (and 1 other pod)"}
    lines = [
        f"{min(names)}{others.get(len(names), f' (and {len(names) - 1} other pods)')}: {fault}"
        for fault, names in faults.items()
    ]
    return [*warnings, *sorted(lines)]
