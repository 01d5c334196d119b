"""Warnings: what is allowed and probably not meant. They travel in the answer's Warning headers.

Source: pkg/api/pod/warnings.go, pkg/api/service/warnings.go, WarningsOnCreate and WarningsOnUpdate of the strategies.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import Any

from statelab.controlplane.apiserver.validation import names
from statelab.controlplane.apiserver.validation.warnings_pods import (
    VOLUMES,
    claim_spec,
    fractions,
    label_warning,
    pod_spec,
    selector_term,
)
from statelab.controlplane.kinds import Object

Fields = dict[str, Any]

_CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"
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
    yield from _class_annotation(obj)
    yield from claim_spec(obj.get("spec") or {}, "spec")


def volume(obj: Object, _old: Object | None) -> Iterator[str]:
    """Of a PersistentVolume."""
    spec: Fields = obj.get("spec") or {}
    yield from _class_annotation(obj)
    if spec.get("persistentVolumeReclaimPolicy") == "Recycle":
        yield (
            "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the "
            "recommended approach is to use dynamic provisioning."
        )
    required = (spec.get("nodeAffinity") or {}).get("required") or {}
    for index, term in enumerate(required.get("nodeSelectorTerms") or ()):
        yield from selector_term(term, f"spec.nodeAffinity.required.nodeSelectorTerms[{index}]")
    yield from (f"spec.{key}: {why}" for key, why in VOLUMES.items() if spec.get(key) is not None)
    yield from fractions(spec.get("capacity"), "spec.capacity", ("storage",))


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
        yield from claim_spec(claim.get("spec") or {}, f"spec.volumeClaimTemplates[{index}].spec")
    if (spec.get("revisionHistoryLimit") or 0) < 0:
        why = "a negative value retains all historical revisions; a value >= 0 is recommended"
        yield f"spec.revisionHistoryLimit: {why}"


def storage_class(obj: Object, _old: Object | None) -> Iterator[str]:
    """Of a StorageClass."""
    for index, topology in enumerate(obj.get("allowedTopologies") or ()):
        for number, one in enumerate(topology.get("matchLabelExpressions") or ()):
            here = f"allowedTopologies[{index}].matchLabelExpressions[{number}].key"
            yield from label_warning(one.get("key", ""), here)


def runtime_class(obj: Object, _old: Object | None) -> Iterator[str]:
    """Of a RuntimeClass."""
    for key in (obj.get("scheduling") or {}).get("nodeSelector") or ():
        yield from (f"scheduling.nodeSelector: {why}" for why in label_warning(key))


def storage_capacity(obj: Object, _old: Object | None) -> Iterator[str]:
    """Of a CSIStorageCapacity."""
    topology = obj.get("nodeTopology") or {}
    yield from selector_term(topology, "nodeTopology")
    for key in topology.get("matchLabels") or ():
        yield from (f"nodeTopology.matchLabels.{key}: {why}" for why in label_warning(key))


def service(obj: Object, _old: Object | None) -> Iterator[str]:
    """Of a Service."""
    spec: Fields = obj.get("spec") or {}
    hints = "service.kubernetes.io/topology-aware-hints"
    if hints in (obj["metadata"].get("annotations") or {}):
        yield f"annotation {hints} is deprecated, please use service.kubernetes.io/topology-mode instead"
    for index, address in enumerate(spec.get("clusterIPs") or ()):
        yield from of_address(address, f"spec.clusterIPs[{index}]") if address != "None" else ()
    is_headless = spec.get("type") == "ClusterIP" and spec.get("clusterIP") == "None"
    if is_headless:
        if spec.get("loadBalancerIP"):
            yield "spec.loadBalancerIP is ignored for headless services"
        if spec.get("externalIPs"):
            yield "spec.externalIPs is ignored for headless services"
        if spec.get("sessionAffinity", "None") != "None":
            yield "spec.SessionAffinity is ignored for headless services"
    for index, address in enumerate(spec.get("externalIPs") or ()):
        yield from of_address(address, f"spec.externalIPs[{index}]")
    if spec.get("externalIPs") and not is_headless and spec.get("type") != "ExternalName":
        yield "spec.externalIPs is deprecated and may no longer be implemented in some clusters"
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
