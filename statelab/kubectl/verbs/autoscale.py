"""kubectl autoscale. Source: pkg/cmd/autoscale/autoscale.go."""

from __future__ import annotations

import re

from statelab.kubectl.api import Object
from statelab.kubectl.builder import Info, select
from statelab.kubectl.call import Call
from statelab.kubectl.problems import Fail, raise_all
from statelab.kubectl.verbs.creating.making import create, metadata

_SCALED = ("Deployment", "ReplicaSet", "StatefulSet", "ReplicationController")


def autoscale(call: Call) -> None:
    flags = call.flags
    if flags.has("cpu-percent"):
        call.err(
            "Flag --cpu-percent has been deprecated, Use --cpu with percentage or resource quantity format (e.g., "
            "'70%' "
            "for utilization or '500m' for milliCPU).\n"
        )
        if flags.has("cpu"):
            raise Fail("--cpu-percent and --cpu are mutually exclusive")
    most, least = flags.number("max"), flags.number("min")
    if most < 1:
        raise Fail(f"--max=MAXPODS is required and must be at least 1, max: {most}")
    if most < least:
        raise Fail(f"--max=MAXPODS must be larger or equal to --min=MINPODS, max: {most}, min: {least}")
    found = select(call, call.args)
    raise_all(found.errors)
    for info in found.infos:
        if info.resource.kind not in _SCALED:
            raise Fail(f"cannot autoscale a {info.resource.kind}")
        create(call, "horizontalpodautoscalers.autoscaling", _made(call, info), operation="autoscaled")


def _made(call: Call, info: Info) -> Object:
    flags = call.flags
    about = metadata(call, flags.text("name") or info.name)
    ref = {"kind": info.resource.kind, "name": info.name, "apiVersion": info.resource.api_version}
    spec: Object = {"scaleTargetRef": ref}
    if flags.number("min") > 0:
        spec["minReplicas"] = flags.number("min")
    spec["maxReplicas"] = flags.number("max")
    metrics = []
    cpu = f"{flags.number('cpu-percent')}%" if flags.number("cpu-percent") >= 0 else flags.text("cpu")
    for name, said in (("cpu", cpu), ("memory", flags.text("memory"))):
        if said:
            metrics.append({"type": "Resource", "resource": {"name": name, "target": _target(name, said)}})
    if metrics:
        spec["metrics"] = metrics
    return {
        "kind": "HorizontalPodAutoscaler", "apiVersion": "autoscaling/v2", "metadata": about, "spec": spec,
        "status": {"desiredReplicas": 0, "currentMetrics": None},
    }  # fmt: skip


def _target(name: str, said: str) -> Object:
    percent = re.fullmatch(r"(\d+)%", said)
    if percent:
        return {"type": "Utilization", "averageUtilization": int(percent[1])}
    if not re.fullmatch(r"[0-9.]+(?:m|k|Ki|M|Mi|G|Gi)?", said):
        raise Fail(f"invalid {name} value: {said}")
    return {"type": "AverageValue", "averageValue": said}
