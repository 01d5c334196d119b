"""Warnings: what is allowed and probably not meant. They travel in the answer's Warning headers.

Source: pkg/api/pod/warnings.go, pkg/api/service/warnings.go, WarningsOnCreate and WarningsOnUpdate of the strategies.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import Any

from statelab.controlplane import quantity
from statelab.controlplane.apiserver.encoding.go_json import go_quote
from statelab.controlplane.apiserver.validation import names
from statelab.controlplane.apiserver.validation.security import visit
from statelab.controlplane.image_names import is_stand_in
from statelab.controlplane.kinds import Object

Fields = dict[str, Any]

_CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"
_LABELS = {
    "beta.kubernetes.io/arch": 'deprecated since v1.14; use "kubernetes.io/arch" instead',
    "beta.kubernetes.io/os": 'deprecated since v1.14; use "kubernetes.io/os" instead',
    "failure-domain.beta.kubernetes.io/region": 'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
    "failure-domain.beta.kubernetes.io/zone": 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
    "beta.kubernetes.io/instance-type": 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
}
_ANNOTATIONS = {
    "scheduler.alpha.kubernetes.io/critical-pod": (
        'non-functional in v1.16+; use the "priorityClassName" field instead'
    ),
    "seccomp.security.alpha.kubernetes.io/pod": 'non-functional in v1.27+; use the "seccompProfile" field instead',
    "security.alpha.kubernetes.io/sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
    "security.alpha.kubernetes.io/unsafe-sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
}
_ANNOTATION_PREFIXES = {
    "container.seccomp.security.alpha.kubernetes.io/": (
        'non-functional in v1.27+; use the "seccompProfile" field instead'
    ),
    "container.apparmor.security.beta.kubernetes.io/": (
        'deprecated since v1.30; use the "appArmorProfile" field instead'
    ),
}
_VOLUMES = {
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
_RECOMMENDED = "which can result in surprising behavior; a DNS label is recommended"


def template(obj: Object, old: Object | None, used_in: str | None = "Pod names and hostnames") -> Iterator[str]:
    """Of an object with a Pod template. `used_in`: what its name becomes a part of, if that matters."""
    spec: Fields = obj.get("spec") or {}
    if old is None and used_in is not None:
        yield from name(obj, used_in)
    found = spec.get("template") or {}
    if found != ((old or {}).get("spec") or {}).get("template"):
        yield from pod_template(found, "spec.template.")


def pod_template(found: Fields, field: str) -> Iterator[str]:
    """Of a Pod template at `field` ("spec.template.")."""
    yield from pod_spec(found.get("spec") or {}, found.get("metadata") or {}, field)


def pod(obj: Object, old: Object | None) -> Iterator[str]:
    """Of a Pod."""
    if old is None:
        yield from name(obj, "the Pod's hostname")
        yield from pod_spec(obj.get("spec") or {}, obj["metadata"], "")


def claim(obj: Object, _old: Object | None) -> Iterator[str]:
    """Of a PersistentVolumeClaim."""
    requests = ((obj.get("spec") or {}).get("resources") or {}).get("requests")
    yield from _class_annotation(obj)
    yield from _fractions(requests, "spec.resources.requests", ("storage",))


def volume(obj: Object, _old: Object | None) -> Iterator[str]:
    """Of a PersistentVolume."""
    spec: Fields = obj.get("spec") or {}
    yield from _class_annotation(obj)
    if spec.get("persistentVolumeReclaimPolicy") == "Recycle":
        yield (
            "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the "
            "recommended approach is to use dynamic provisioning."
        )
    yield from (f"spec.{key}: {why}" for key, why in _VOLUMES.items() if spec.get(key) is not None)
    yield from _fractions(spec.get("capacity"), "spec.capacity", ("storage",))


def name(obj: Object, used_in: str) -> Iterator[str]:
    """Of a name that is allowed, but no DNS label."""
    problems = names.label(obj["metadata"].get("name", ""))
    if problems:
        yield f"metadata.name: this is used in {used_in}, {_RECOMMENDED}: [{' '.join(problems)}]"


def _class_annotation(obj: Object) -> Iterator[str]:
    if _CLASS_ANNOTATION in (obj["metadata"].get("annotations") or {}):
        why = 'deprecated since v1.8; use "storageClassName" attribute instead'
        yield f"metadata.annotations[{_CLASS_ANNOTATION}]: {why}"


def stateful_set(obj: Object, old: Object | None) -> Iterator[str]:
    """Of a StatefulSet."""
    spec: Fields = obj.get("spec") or {}
    yield from template(obj, old, None)
    for index, claim in enumerate(spec.get("volumeClaimTemplates") or ()):
        requests = ((claim.get("spec") or {}).get("resources") or {}).get("requests")
        field = f"spec.volumeClaimTemplates[{index}].spec.resources.requests"
        yield from _fractions(requests, field, ("storage",))
    if (spec.get("revisionHistoryLimit") or 0) < 0:
        why = "a negative value retains all historical revisions; a value >= 0 is recommended"
        yield f"spec.revisionHistoryLimit: {why}"


def _fractions(amounts: Fields | None, field: str, resources: tuple[str, ...]) -> Iterator[str]:
    for name in resources:
        text = (amounts or {}).get(name)
        if text is not None and quantity.parse(text).nanos % quantity.NANO:
            yield f"{field}[{name}]: fractional byte value {go_quote(text)} is invalid, must be an integer"


def pod_spec(spec: Fields, metadata: Fields, field: str) -> Iterator[str]:
    """Of the spec and metadata of a Pod, or of a template at `field`."""
    for key in spec.get("nodeSelector") or ():
        if key in _LABELS:
            yield f"{field}spec.nodeSelector[{key}]: {_LABELS[key]}"
    yield from _affinity(spec.get("affinity") or {}, f"{field}spec.affinity")
    for index, one in enumerate(spec.get("topologySpreadConstraints") or ()):
        here = f"{field}spec.topologySpreadConstraints[{index}]"
        if one.get("topologyKey") in _LABELS:
            yield f"{here}.topologyKey: {one['topologyKey']} is {_LABELS[one['topologyKey']]}"
        if one.get("labelSelector") is None:
            yield f"{here}.labelSelector: a null labelSelector results in matching no pod"
    for key in metadata.get("annotations") or ():
        known = _ANNOTATIONS.get(key)
        for prefix, text in _ANNOTATION_PREFIXES.items():
            known = text if key.startswith(prefix) else known
        if known:
            yield f"{field}metadata.annotations[{key}]: {known}"
    for index, volume in enumerate(spec.get("volumes") or ()):
        for key, why in _VOLUMES.items():
            if key in volume:
                yield f"{field}spec.volumes[{index}].{key}: {why}"
    yield from _pull_secrets(spec, field)
    grace = spec.get("terminationGracePeriodSeconds")
    for container, here in visit(spec, f"{field}spec"):
        resources = container.get("resources") or {}
        for part in ("limits", "requests"):
            yield from _fractions(resources.get(part), f"{here}.resources.{part}", ("memory", "ephemeral-storage"))
        if is_stand_in(container.get("image") or ""):
            yield f'{here}.image: "{container["image"]}" is not built in here: {_STAND_IN}'
        yield from _environment(container.get("env") or [], f"{here}.env")
        yield from _ports(container.get("ports") or [], f"{here}.ports")
    if grace is not None and grace < 0:
        why = "must be >= 0; negative values are invalid and will be treated as 1"
        yield f"{field}spec.terminationGracePeriodSeconds: {why}"


def _affinity(affinity: Fields, field: str) -> Iterator[str]:
    required, preferred = (f"{key}DuringSchedulingIgnoredDuringExecution" for key in ("required", "preferred"))
    nodes = affinity.get("nodeAffinity") or {}
    terms = [
        (term, f"{field}.nodeAffinity.{required}.nodeSelectorTerms[{index}]")
        for index, term in enumerate((nodes.get(required) or {}).get("nodeSelectorTerms") or ())
    ]
    terms += [
        (each.get("preference") or {}, f"{field}.nodeAffinity.{preferred}[{index}].preference")
        for index, each in enumerate(nodes.get(preferred) or ())
    ]
    for term, here in terms:
        for index, one in enumerate(term.get("matchExpressions") or ()):
            if one.get("key") in _LABELS:
                yield f"{here}.matchExpressions[{index}].key: {one['key']} is {_LABELS[one['key']]}"
    for key in ("podAffinity", "podAntiAffinity"):
        pods = affinity.get(key) or {}
        found = [(term, f"{field}.{key}.{required}[{i}]") for i, term in enumerate(pods.get(required) or ())]
        found += [
            (each.get("podAffinityTerm") or {}, f"{field}.{key}.{preferred}[{i}].podAffinityTerm")
            for i, each in enumerate(pods.get(preferred) or ())
        ]
        for term, here in found:
            if term.get("labelSelector") is None:
                yield f"{here}.labelSelector: a null labelSelector results in matching no pod"
            if term.get("topologyKey") in _LABELS:
                yield f"{here}.topologyKey: {term['topologyKey']} is {_LABELS[term['topologyKey']]}"


def _pull_secrets(spec: Fields, field: str) -> Iterator[str]:
    seen: set[str] = set()
    for index, secret in enumerate(spec.get("imagePullSecrets") or ()):
        name = secret.get("name", "")
        here = f"{field}spec.imagePullSecrets[{index}].name"
        if not name:
            yield f'{here}: invalid empty name ""'
        elif name in seen:
            yield f"{here}: duplicate name {go_quote(name)}"
        seen.add(name)


def _environment(found: list[Fields], field: str) -> Iterator[str]:
    seen: set[str] = set()
    for index, env in enumerate(found):
        name, value = env.get("name", ""), env.get("value", "")
        if name in seen and (env.get("valueFrom") is not None or f"$({name})" not in value):
            why = f"hides previous definition of {go_quote(name)}, which may be dropped when using apply"
            yield f"{field}[{index}]: {why}"
        seen.add(name)


def _ports(ports: list[Fields], field: str) -> Iterator[str]:
    seen: dict[tuple[Any, ...], int] = {}
    for index, port in enumerate(ports):
        key = tuple(port.get(name) for name in ("containerPort", "hostPort", "hostIP", "protocol"))
        if key in seen:
            yield f"{field}[{index}]: duplicate port definition with {field}[{seen[key]}]"
        else:
            seen[key] = index


def service(obj: Object, _old: Object | None) -> Iterator[str]:
    """Of a Service."""
    spec: Fields = obj.get("spec") or {}
    hints = "service.kubernetes.io/topology-aware-hints"
    if hints in (obj["metadata"].get("annotations") or {}):
        yield f"annotation {hints} is deprecated, please use service.kubernetes.io/topology-mode instead"
    for index, address in enumerate(spec.get("clusterIPs") or ()):
        yield from of_address(address, f"spec.clusterIPs[{index}]") if address != "None" else ()
    if spec.get("type") == "ClusterIP" and spec.get("clusterIP") == "None":
        if spec.get("loadBalancerIP"):
            yield "spec.loadBalancerIP is ignored for headless services"
        if spec.get("externalIPs"):
            yield "spec.externalIPs is ignored for headless services"
        if spec.get("sessionAffinity", "None") != "None":
            yield "spec.SessionAffinity is ignored for headless services"
    for index, address in enumerate(spec.get("externalIPs") or ()):
        yield from of_address(address, f"spec.externalIPs[{index}]")
    if spec.get("loadBalancerIP"):
        yield from of_address(spec["loadBalancerIP"], "spec.loadBalancerIP")
    for index, block in enumerate(spec.get("loadBalancerSourceRanges") or ()):
        yield from of_cidr(block, f"spec.loadBalancerSourceRanges[{index}]")
    if spec.get("type") == "ExternalName" and spec.get("externalIPs"):
        yield 'spec.externalIPs is ignored when spec.type is "ExternalName"'
    if spec.get("type") != "ExternalName" and spec.get("externalName"):
        yield 'spec.externalName is ignored when spec.type is not "ExternalName"'
    if spec.get("trafficDistribution") == "PreferClose":
        yield 'spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"'


def of_address(text: str, field: str) -> Iterator[str]:
    """Of an IP address. Source: apimachinery/pkg/util/validation/ip.go GetWarningsForIP."""
    found = names.parse_ip(text)
    if found is not None and found.version == 6 and str(found) != text:
        yield f'{field}: IPv6 address "{text}" should be in RFC 5952 canonical format ("{found}")'


def of_cidr(text: str, field: str) -> Iterator[str]:
    """Of a CIDR block. Source: the same, GetWarningsForCIDR."""
    found = names.parse_cidr(text)
    if found is not None and found.version == 6 and str(found.network) != text:
        yield f'{field}: IPv6 CIDR value "{text}" should be in RFC 5952 canonical format ("{found.network}")'


def secret(obj: Object, _old: Object | None) -> Iterator[str]:
    """Of a Secret."""
    data = obj.get("data") or {}
    if obj.get("type") == "kubernetes.io/tls" and "tls.crt" in data and "tls.key" in data:
        for key, noun in (("tls.crt", "certificate"), ("tls.key", "key")):
            try:
                content = base64.b64decode(data[key])
            except (binascii.Error, ValueError):
                content = b""
            if b"-----BEGIN" not in content:
                yield f"tls: failed to find any PEM data in {noun} input"
                return
