"""Warnings about Pods and their templates: what is allowed and probably not meant, in upstream's words and order.

Source: pkg/api/pod/warnings.go, pkg/api/node/util.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from statelab.controlplane import quantity
from statelab.controlplane.apiserver.encoding.go_json import go_quote
from statelab.controlplane.apiserver.validation import names
from statelab.controlplane.apiserver.validation.security import visit
from statelab.controlplane.image_names import is_stand_in

Fields = dict[str, Any]

_LABELS = {
    "beta.kubernetes.io/arch": 'deprecated since v1.14; use "kubernetes.io/arch" instead',
    "beta.kubernetes.io/os": 'deprecated since v1.14; use "kubernetes.io/os" instead',
    "failure-domain.beta.kubernetes.io/region": 'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
    "failure-domain.beta.kubernetes.io/zone": 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
    "beta.kubernetes.io/instance-type": 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
    "app.kubernetes.io/created-by": "deprecated since v1.9",
    "scheduler.alpha.kubernetes.io/preferAvoidPods": "deprecated since v1.22; use Taints and Tolerations instead",
    "node-role.kubernetes.io/master": 'use "node-role.kubernetes.io/control-plane" instead',
}
_ANNOTATIONS = {
    "scheduler.alpha.kubernetes.io/critical-pod": (
        'non-functional in v1.16+; use the "priorityClassName" field instead'
    ),
    "security.alpha.kubernetes.io/sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
    "security.alpha.kubernetes.io/unsafe-sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
}
_SECCOMP = "seccomp.security.alpha.kubernetes.io/pod"
_SECCOMP_GONE = 'non-functional in v1.27+; use the "seccompProfile" field instead'
# Prefixes of annotations that name a container, the field that has taken their place, and the words.
_OF_CONTAINERS = (
    ("container.seccomp.security.alpha.kubernetes.io/", "seccompProfile", _SECCOMP_GONE),
    (
        "container.apparmor.security.beta.kubernetes.io/",
        "appArmorProfile",
        'deprecated since v1.30; use the "appArmorProfile" field instead',
    ),
)
VOLUMES = {
    "photonPersistentDisk": "deprecated in v1.11, non-functional in v1.16+",
    "gitRepo": "deprecated in v1.11, and disabled by default in v1.33+",
    "scaleIO": "deprecated in v1.16, non-functional in v1.22+",
    "flocker": "deprecated in v1.22, non-functional in v1.25+",
    "storageos": "deprecated in v1.22, non-functional in v1.25+",
    "quobyte": "deprecated in v1.22, non-functional in v1.25+",
    "glusterfs": "deprecated in v1.25, non-functional in v1.26+",
    "cephfs": "deprecated in v1.28, non-functional in v1.31+",
    "rbd": "deprecated in v1.28, non-functional in v1.31+",
}
_STAND_IN = "a stand-in runs in its place, looks healthy and does nothing; a kind cluster runs the real one"
_BYTES = ("memory", "ephemeral-storage")
_REQUIRED, _PREFERRED = (f"{key}DuringSchedulingIgnoredDuringExecution" for key in ("required", "preferred"))
_NO_SELECTOR = "a null labelSelector results in matching no pod"


def pod_spec(spec: Fields, metadata: Fields, field: str) -> Iterator[str]:
    """Of the spec and metadata of a Pod, or of a template at `field`."""
    annotations = metadata.get("annotations") or {}
    for key in spec.get("nodeSelector") or ():
        yield from (f"{field}spec.nodeSelector[{key}]: {why}" for why in label_warning(key))
    affinity = spec.get("affinity") or {}
    yield from _nodes(affinity.get("nodeAffinity") or {}, f"{field}spec.affinity.nodeAffinity")
    for index, one in enumerate(spec.get("topologySpreadConstraints") or ()):
        here = f"{field}spec.topologySpreadConstraints[{index}]"
        yield from label_warning(one.get("topologyKey", ""), f"{here}.topologyKey")
        if one.get("labelSelector") is None:
            yield f"{here}.labelSelector: {_NO_SELECTOR}"
    for key, why in _ANNOTATIONS.items():
        if key in annotations:
            yield f"{field}metadata.annotations[{key}]: {why}"
    yield from _volumes(spec.get("volumes") or [], f"{field}spec.volumes")
    yield from _repeated(spec.get("hostAliases") or [], f"{field}spec.hostAliases", "ip")
    yield from _repeated(spec.get("imagePullSecrets") or [], f"{field}spec.imagePullSecrets", "name")
    for index, secret in enumerate(spec.get("imagePullSecrets") or ()):
        if not secret.get("name"):
            yield f'{field}spec.imagePullSecrets[{index}].name: invalid empty name ""'
    yield from fractions(spec.get("overhead"), f"{field}spec.overhead", _BYTES)
    context = spec.get("securityContext") or {}
    if _SECCOMP in annotations and context.get("seccompProfile") is None:
        yield f"{field}metadata.annotations[{_SECCOMP}]: {_SECCOMP_GONE}"
    for container, here in visit(spec, f"{field}spec"):
        yield from _container(container, here, context, annotations, field)
    yield from _ports(spec, f"{field}spec")
    grace = spec.get("terminationGracePeriodSeconds")
    if grace is not None and grace < 0:
        why = "must be >= 0; negative values are invalid and will be treated as 1"
        yield f"{field}spec.terminationGracePeriodSeconds: {why}"
    for key in ("podAffinity", "podAntiAffinity"):
        yield from _pods(affinity.get(key) or {}, f"{field}spec.affinity.{key}")


def label_warning(key: str, field: str = "") -> Iterator[str]:
    """Of a node's label that should not be used any more: the words, and with a `field` where, and which label."""
    if key in _LABELS:
        yield f"{field}: {key} is {_LABELS[key]}" if field else _LABELS[key]


def selector_term(term: Fields, field: str, *, checks_values: bool = False) -> Iterator[str]:
    """Of the expressions of a node selector term."""
    for index, one in enumerate(term.get("matchExpressions") or ()):
        here = f"{field}.matchExpressions[{index}]"
        yield from label_warning(one.get("key", ""), f"{here}.key")
        for number, value in enumerate(one.get("values") or () if checks_values else ()):
            yield from (f"{here}.values[{number}]: {value} is invalid, {why}" for why in names.label_value(value))


def claim_spec(spec: Fields, field: str) -> Iterator[str]:
    """Of what a claim asks for."""
    for part in ("requests", "limits"):
        yield from fractions((spec.get("resources") or {}).get(part), f"{field}.resources.{part}", ("storage",))


def fractions(amounts: Fields | None, field: str, resources: Iterable[str]) -> Iterator[str]:
    """Of amounts of bytes that are no whole number."""
    for name in resources:
        text = (amounts or {}).get(name)
        if text is not None and quantity.parse(text).nanos % quantity.NANO:
            yield f"{field}[{name}]: fractional byte value {go_quote(text)} is invalid, must be an integer"


def _nodes(affinity: Fields, field: str) -> Iterator[str]:
    for index, term in enumerate((affinity.get(_REQUIRED) or {}).get("nodeSelectorTerms") or ()):
        yield from selector_term(term, f"{field}.{_REQUIRED}.nodeSelectorTerms[{index}]", checks_values=True)
    for index, each in enumerate(affinity.get(_PREFERRED) or ()):
        here = f"{field}.{_PREFERRED}[{index}].preference"
        yield from selector_term(each.get("preference") or {}, here, checks_values=True)


def _pods(affinity: Fields, field: str) -> Iterator[str]:
    for index, term in enumerate(affinity.get(_REQUIRED) or ()):
        if term.get("labelSelector") is None:
            yield f"{field}.{_REQUIRED}[{index}].labelSelector: {_NO_SELECTOR}"
    for index, each in enumerate(affinity.get(_PREFERRED) or ()):
        if (each.get("podAffinityTerm") or {}).get("labelSelector") is None:
            yield f"{field}.{_PREFERRED}[{index}].podAffinityTerm.labelSelector: {_NO_SELECTOR}"


def _repeated(items: list[Fields], field: str, key: str) -> Iterator[str]:
    seen: set[str] = set()
    for index, one in enumerate(items):
        text = one.get(key, "")
        if text in seen:
            yield f"{field}[{index}].{key}: duplicate {key} {go_quote(text)}"
        seen.add(text)


def _container(container: Fields, here: str, of_pod: Fields, annotations: Fields, field: str) -> Iterator[str]:
    context = container.get("securityContext") or {}
    for prefix, key, why in _OF_CONTAINERS:
        annotation = f"{prefix}{container.get('name', '')}"
        has_field = context.get(key) is not None or (key == "appArmorProfile" and of_pod.get(key) is not None)
        if annotation in annotations and not has_field:
            yield f"{field}metadata.annotations[{annotation}]: {why}"
    resources = container.get("resources") or {}
    for name in _BYTES:
        for part in ("limits", "requests"):
            yield from fractions(resources.get(part), f"{here}.resources.{part}", (name,))
    if is_stand_in(container.get("image") or ""):
        yield f'{here}.image: "{container["image"]}" is not built in here: {_STAND_IN}'
    seen: set[str] = set()
    for index, env in enumerate(container.get("env") or ()):
        name, value, reference = env.get("name", ""), env.get("value", ""), f"$({env.get('name', '')})"
        if name in seen and (env.get("valueFrom") is not None or value == reference or reference not in value):
            why = f"hides previous definition of {go_quote(name)}, which may be dropped when using apply"
            yield f"{here}.env[{index}]: {why}"
        seen.add(name)


def _ports(spec: Fields, field: str) -> Iterator[str]:
    """Ports of all containers: those of one number, of which some are too many."""
    seen: dict[tuple[Any, Any], list[tuple[str, int, str]]] = {}
    for container, where in visit(spec, field):
        for index, port in enumerate(container.get("ports") or ()):
            here, number, ip = f"{where}.ports[{index}]", port.get("hostPort") or 0, port.get("hostIP") or ""
            if ip and not number:
                shown = f"Name:{port.get('name', '')} HostPort:0 ContainerPort:{port.get('containerPort')}"
                yield f"{here}: hostIP set without hostPort: {{{shown} Protocol:{port.get('protocol')} HostIP:{ip}}}"
            others = seen.setdefault((port.get("containerPort"), port.get("protocol")), [])
            for other, other_number, other_ip in others:
                if (ip, number) == (other_ip, other_number):
                    yield f"{here}: duplicate port definition with {other}"
                elif not (number and other_number):
                    yield f"{here}: overlapping port definition with {other}"
                elif number == other_number and bool(ip) != bool(other_ip):
                    yield f"{here}: dangerously ambiguous port definition with {other}"
            others.append((here, number, ip))


# ---- volumes


def _volumes(volumes: list[Fields], field: str) -> Iterator[str]:
    for index, volume in enumerate(volumes):
        for key, why in VOLUMES.items():
            if volume.get(key) is not None:
                yield f"{field}[{index}].{'storageOS' if key == 'storageos' else key}: {why}"
        template = (volume.get("ephemeral") or {}).get("volumeClaimTemplate") or {}
        yield from claim_spec(template.get("spec") or {}, f"{field}[{index}].ephemeral.volumeClaimTemplate.spec")
    for volume in volumes:
        name = volume.get("name", "")
        for key in _SOURCES:
            if found := _files(volume, key):
                yield from _overlapping(found, name, volume, key)
        if volume.get("projected") is not None:
            yield from _projected(volume["projected"].get("sources") or [], name)


def _projected(sources: list[Fields], name: str) -> Iterator[str]:
    """Files of one source among themselves, and then with those of the sources before."""
    before: set[str] = set()
    for source in sources:
        if not any(value is not None for value in source.values()):
            yield f"volume {go_quote(name)} (Projected) has no sources provided"
        for key in (*_SOURCES, *_TOKENS):
            if found := _files(source, key):
                yield from _overlapping(found, name, source, key, "Projected ")
                yield from _overlapping(sorted([*set(found), *before]), name, source, key, "Projected ")
                before |= set(found)


_SOURCES = {"configMap": "ConfigMap", "secret": "Secret", "downwardAPI": "DownwardAPI"}
_TOKENS = {"serviceAccountToken": "ServiceAccountToken", "clusterTrustBundle": "ClusterTrustBundle"}


def _files(owner: Fields, key: str) -> list[str]:
    """The paths that a source names, if it is there."""
    source = owner.get(key)
    if source is None:
        return []
    if key in _TOKENS:
        return [source.get("path", "")]
    return [each.get("path", "") for each in source.get("items") or ()]


def _overlapping(paths: Iterable[str], volume: str, owner: Fields, key: str, where: str = "") -> Iterator[str]:
    """Of paths of which one is, or seems to be, another or above it. `owner` has the source `key` that names them."""
    seen: list[str] = []
    for path in (each.rstrip("/") for each in paths):
        hit = next((each for each in seen if path and each and _overlap(each, path)), None)
        if hit is not None:
            source = f"{where}{_called(owner[key], key)}"
            yield f"volume {go_quote(volume)} ({source}): overlapping paths: {go_quote(path)} with {go_quote(hit)}"
        seen.append(path)


def _called(source: Fields, key: str) -> str:
    if key in _TOKENS:
        kind, name = _TOKENS[key], source.get("name") or source.get("signerName")
    else:
        kind, name = _SOURCES[key], source.get("name") or source.get("secretName")
    return f"{kind} {go_quote(name)}" if name else kind


def _overlap(one: str, other: str) -> bool:
    return one == other or f"{one}/".startswith(other) or f"{other}/".startswith(one)
