"""Defaults of Pods and Pod templates: what the API server fills in where a manifest says nothing.

Source: pkg/apis/core/v1/defaults.go.
"""

from __future__ import annotations

import re
from typing import Any

from statelab.controlplane import quantity

Fields = dict[str, Any]

_MILLI = quantity.NANO // 1000
_MODE = 0o644
_LONGEST_IMAGE = 4096
# A reference as far as its tag needs it: an optional registry with a port, a path, a tag, a digest.
_IMAGE = re.compile(
    r"(?:[a-zA-Z0-9][-a-zA-Z0-9.]*(?::[0-9]+)?/)?[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
    r"(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*"
    r"(?P<tag>:[\w][\w.-]{0,127})?(?P<digest>@[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,})?",
    re.ASCII,
)


def pod(obj: Fields) -> None:
    """A Pod of its own: what a template does not get as well."""
    spec = with_spec(obj)["spec"]
    pod_spec(spec)
    containers = [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]
    for container in containers:
        resources = container.get("resources") or {}
        limits = resources.get("limits")
        if limits:
            requests = resources.setdefault("requests", {})
            for name, amount in limits.items():
                requests.setdefault(name, amount)
    if "resources" in spec:
        _pod_level_requests(spec, containers)
    spec.setdefault("enableServiceLinks", True)
    if spec.get("hostNetwork"):
        for container in containers:
            for port in container.get("ports") or ():
                if not port.get("hostPort") and port.get("containerPort"):
                    port["hostPort"] = port["containerPort"]


def _pod_level_requests(spec: Fields, containers: list[Fields]) -> None:
    """A Pod's own limits, where its containers ask for nothing of that kind, are its requests as well."""
    resources = spec["resources"]
    for name, amount in (resources.get("limits") or {}).items():
        if name in (resources.get("requests") or {}):
            continue
        asked = [
            quantity.parse(container["resources"]["requests"][name]).nanos
            for container in containers
            if name in ((container.get("resources") or {}).get("requests") or {})
        ]
        value = quantity.of_nanos(sum(asked), binary=quantity.is_binary(amount)).text if asked else amount
        resources.setdefault("requests", {})[name] = value


def template(value: Fields) -> None:
    """A PodTemplateSpec."""
    value.setdefault("metadata", {})
    pod_spec(value.setdefault("spec", {"containers": None}))


def pod_spec(spec: Fields) -> None:
    account = spec.get("serviceAccountName") or spec.get("serviceAccount")
    if account:
        spec["serviceAccountName"] = spec["serviceAccount"] = account
    spec.pop("schedulingGroup", None)  # of a gate that is off in 1.36, GenericWorkload
    spec.setdefault("dnsPolicy", "ClusterFirst")
    spec.setdefault("restartPolicy", "Always")
    spec.setdefault("securityContext", {})
    spec.setdefault("terminationGracePeriodSeconds", 30)
    spec.setdefault("schedulerName", "default-scheduler")
    for key in ("containers", "initContainers", "ephemeralContainers"):
        for one in spec.get(key) or ():
            container(one)
    for volume in spec.get("volumes") or ():
        volume_source(volume)
    if "overhead" in spec:
        resource_list(spec["overhead"])


def container(value: Fields) -> None:
    if not value.get("imagePullPolicy"):
        value["imagePullPolicy"] = pull_policy(value.get("image", ""))
    value.setdefault("terminationMessagePath", "/dev/termination-log")
    value.setdefault("terminationMessagePolicy", "File")
    for port in value.get("ports") or ():
        port.setdefault("protocol", "TCP")
    resources = value.setdefault("resources", {})
    if resources:
        for key in ("limits", "requests"):
            if key in resources:
                resource_list(resources[key])
    for env in value.get("env") or ():
        source = env.get("valueFrom")
        if source:
            if "fieldRef" in source:
                source["fieldRef"].setdefault("apiVersion", "v1")
            if "fileKeyRef" in source:
                source["fileKeyRef"].setdefault("optional", False)
    for key in ("livenessProbe", "readinessProbe", "startupProbe"):
        if key in value:
            probe(value[key])
    if "lifecycle" in value:
        _lifecycle(value)


def _lifecycle(container: Fields) -> None:
    lifecycle: Fields = container["lifecycle"]
    if lifecycle.pop("stopSignal", None) and not lifecycle:  # its gate, ContainerStopSignals, is off in 1.36
        del container["lifecycle"]
    for handler in lifecycle.values():
        _handler(handler)


def probe(value: Fields) -> None:
    value.setdefault("timeoutSeconds", 1)
    value.setdefault("periodSeconds", 10)
    value.setdefault("successThreshold", 1)
    value.setdefault("failureThreshold", 3)
    _handler(value)


def _handler(value: Fields) -> None:
    if "httpGet" in value:
        value["httpGet"].setdefault("path", "/")
        value["httpGet"].setdefault("scheme", "HTTP")
    if "grpc" in value:
        value["grpc"].setdefault("service", "")


def pull_policy(image: str) -> str:
    """`Always` for `latest` and for no tag at all; `IfNotPresent` otherwise. Source: pkg/util/parsers."""
    match = _IMAGE.fullmatch(image) if len(image) <= _LONGEST_IMAGE else None
    if match is None:
        return "IfNotPresent"
    tag = match["tag"]
    return "Always" if tag == ":latest" or (tag is None and match["digest"] is None) else "IfNotPresent"


def resource_list(amounts: Fields) -> None:
    """Nothing finer than a thousandth: rounded up."""
    for name, text in amounts.items():
        parsed = quantity.parse(text)
        if parsed.nanos % _MILLI:
            rounded = -(-parsed.nanos // _MILLI) if parsed.nanos > 0 else parsed.nanos // _MILLI
            amounts[name] = quantity.of_nanos(rounded * _MILLI).text


def volume_source(volume: Fields) -> None:
    if len(volume) <= 1 and ("name" in volume or not volume):
        volume["emptyDir"] = {}
        return
    for key in ("secret", "configMap", "downwardAPI", "projected"):
        if key in volume:
            volume[key].setdefault("defaultMode", _MODE)
    if "hostPath" in volume:
        volume["hostPath"].setdefault("type", "")
    if "downwardAPI" in volume:
        _downward_api(volume["downwardAPI"])
    if "projected" in volume:
        for source in volume["projected"].get("sources") or ():
            if "serviceAccountToken" in source:
                source["serviceAccountToken"].setdefault("expirationSeconds", 3600)
            if "downwardAPI" in source:
                _downward_api(source["downwardAPI"])
    if "ephemeral" in volume and "volumeClaimTemplate" in volume["ephemeral"]:
        claim_spec(volume["ephemeral"]["volumeClaimTemplate"].setdefault("spec", {"resources": {}}))
    if "image" in volume and not volume["image"].get("pullPolicy"):
        volume["image"]["pullPolicy"] = pull_policy(volume["image"].get("reference", ""))
    rarely_used_source(volume)


def _downward_api(value: Fields) -> None:
    for item in value.get("items") or ():
        if "fieldRef" in item:
            item["fieldRef"].setdefault("apiVersion", "v1")


def rarely_used_source(volume: Fields) -> None:
    """Volume sources that Pods and PersistentVolumes share."""
    for name, fields in _SOURCES.items():
        if name in volume:
            for key, value in fields.items():
                volume[name].setdefault(key, value)


_SOURCES: dict[str, Fields] = {
    "iscsi": {"iscsiInterface": "default"},
    "rbd": {"pool": "rbd", "user": "admin", "keyring": "/etc/ceph/keyring"},
    "azureDisk": {"cachingMode": "ReadWrite", "kind": "Shared", "fsType": "ext4", "readOnly": False},
    "scaleIO": {"storageMode": "ThinProvisioned", "fsType": "xfs"},
}


def claim_spec(spec: Fields) -> None:
    """A PersistentVolumeClaim's spec, wherever it stands."""
    spec.setdefault("volumeMode", "Filesystem")
    resources = spec.setdefault("resources", {})
    for key in ("limits", "requests"):
        if key in resources:
            resource_list(resources[key])


def with_spec(obj: Fields) -> Fields:
    """`obj`, with an empty spec where it has none."""
    if obj.get("spec") is None:
        obj["spec"] = {}
    return obj


def workload(spec: Fields) -> None:
    """The spec of a workload: one replica, and a template's defaults."""
    spec.setdefault("replicas", 1)
    template(spec.setdefault("template", {}))


def claim(obj: Fields) -> None:
    """A PersistentVolumeClaim, or the template of one."""
    claim_spec(with_spec(obj)["spec"])
    status = obj.setdefault("status", {})
    status.setdefault("phase", "Pending")
