"""Autoscaling as a fresh cluster does it: nothing measures Pods, so a target is only held within its bounds.

Source: pkg/controller/podautoscaler/horizontal.go.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from statelab.controlplane.clock import timestamp
from statelab.controlplane.kinds import KINDS, Object
from statelab.controlplane.manager import Controller
from statelab.controlplane.store import Revision
from statelab.controlplane.view import View

Fields = dict[str, Any]

_PLURAL = "horizontalpodautoscalers"
_EVERY_S = 15.0  # --horizontal-pod-autoscaler-sync-period, before the first look too
_NO_RESOURCE = "unable to fetch metrics from resource metrics API: the server {} (get pods.metrics.k8s.io)"
_UNKNOWN, _UNABLE = "could not find the requested resource", "is currently unable to handle the request"
_METRICS = "/apis/metrics.k8s.io/v1beta1"
_NO_CUSTOM = "unable to fetch metrics from custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered"
_NO_EXTERNAL = (
    "unable to fetch metrics from external metrics API: no external metrics API (external.metrics.k8s.io) registered"
)


@dataclass(frozen=True, slots=True)
class _Failure:
    """A metric that nobody measures: the reason of its event, what it says, and what the whole says of it."""

    reason: str
    message: str
    within: str


def reconcile(key: str, view: View) -> float | None:
    """Look at one autoscaler and its target."""
    scaler = view.get(_PLURAL, key)
    if scaler is None or "deletionTimestamp" in scaler["metadata"]:
        return None
    spec = scaler["spec"]
    found = _target(scaler, view)
    if isinstance(found, str):
        view.event(scaler, "FailedGetScale", found, type="Warning")
        words = f"the HPA controller was unable to get the target's current scale: {found}"
        _put(scaler, {}, [("AbleToScale", "False", "FailedGetScale", words)], view)
        return _EVERY_S
    plural, target = found
    now = target["spec"].get("replicas", 1)
    least, most = spec.get("minReplicas", 1), spec["maxReplicas"]
    able = ("AbleToScale", "True", "SucceededGetScale", "the HPA controller was able to get the target's current scale")
    if now == 0:
        words = "scaling is disabled since the replica count of the target is zero"
        _put(scaler, _counts(0, 0), [able, ("ScalingActive", "False", "ScalingDisabled", words)], view)
    elif least <= now <= most:
        _without_metrics(scaler, now, able, view)
    else:
        wanted = max(least, min(most, now))
        bound = "above Spec.MaxReplicas" if now > most else "below Spec.MinReplicas"
        reason = f"Current number of replicas {bound}"
        why = f"{scaler['metadata']['name']}: {reason[0].lower()}{reason[1:]}"
        view.update(plural, {**target, "spec": {**target["spec"], "replicas": wanted}}, why=why)
        view.event(scaler, "SuccessfulRescale", f"New size: {wanted}; reason: {reason}")
        words = f"the HPA controller was able to update the target scale to {wanted}"
        status = {**_counts(now, wanted), "lastScaleTime": timestamp(view.now_s)}
        _put(scaler, status, [("AbleToScale", "True", "SucceededRescale", words)], view)
    return _EVERY_S


def _without_metrics(scaler: Object, now: int, able: tuple[str, str, str, str], view: View) -> None:
    namespace, metrics = scaler["metadata"]["namespace"], scaler["spec"].get("metrics") or ()
    no_resource = _NO_RESOURCE.format(_UNKNOWN if view.kinds.others.of_path(_METRICS) is None else _UNABLE)
    failures = [_failure(each, namespace, no_resource) for each in metrics]
    for each in failures:
        view.event(scaler, each.reason, each.message, type="Warning")
    conditions = [able]
    if failures:
        first = failures[0]
        words = f"the HPA was unable to compute the replica count: {first.message}"
        conditions.append(("ScalingActive", "False", first.reason, words))
    desired = (scaler.get("status") or {}).get("desiredReplicas", 0)
    _put(scaler, _counts(now, desired), conditions, view)
    if failures:
        count = f"{len(failures)} invalid out of {len(metrics)}"
        words = f"invalid metrics ({count}), first error is: {failures[0].within}: {failures[0].message}"
        view.event(scaler, "FailedComputeMetricsReplicas", words, type="Warning")


def _failure(metric: Fields, namespace: str, no_resource: str) -> _Failure:
    kind = metric.get("type", "")
    body: Fields = metric.get(kind[:1].lower() + kind[1:]) or {}
    name = body.get("name") or (body.get("metric") or {}).get("name", "")
    if kind in ("Resource", "ContainerResource"):
        what = "utilization" if (body.get("target") or {}).get("averageValue") is None else "usage"
        message = f"failed to get {name} {what}: unable to get metrics for resource {name}: {no_resource}"
        words = "resource" if kind == "Resource" else "container resource"
        return _Failure(f"FailedGet{kind}Metric", message, f"failed to get {name} {words} metric value")
    if kind == "External":
        message = f"unable to get external metric {namespace}/{name}/nil: {_NO_EXTERNAL}"
        return _Failure("FailedGetExternalMetric", message, f"failed to get {name} external metric value")
    described = body.get("describedObject") or {}
    about = f"{described.get('kind')} on {namespace} {described.get('name')}/" if kind == "Object" else ""
    message = f"unable to get metric {name}: {about}{_NO_CUSTOM}"
    words = "object" if kind == "Object" else "pods"
    return _Failure(f"FailedGet{kind}Metric", message, f"failed to get {words} metric value")


def _target(scaler: Object, view: View) -> tuple[str, Object] | str:
    """The plural and the object that is to be scaled, or why there is none."""
    reference = scaler["spec"]["scaleTargetRef"]
    group = reference.get("apiVersion", "").rpartition("/")[0]
    kind = next((each for each in KINDS.values() if (each.group, each.name) == (group, reference["kind"])), None)
    if kind is None:
        return f'no matches for kind "{reference["kind"]}" in group "{group}"'
    found = view.get(kind.plural, f"{scaler['metadata']['namespace']}/{reference['name']}")
    if found is None or "scale" not in kind.subresources:
        return f'{kind.group_resource} "{reference["name"]}" not found'
    return kind.plural, found


def _counts(now: int, desired: int) -> Fields:
    return {"currentReplicas": now, "desiredReplicas": desired}


def _put(scaler: Object, counts: Fields, conditions: list[tuple[str, str, str, str]], view: View) -> None:
    """Write the status. A condition that is not told anew stays; its time is that of its last change."""
    old = scaler.get("status") or {}
    told: dict[str, Fields] = {each["type"]: each for each in old.get("conditions") or ()}
    for kind, state, reason, message in conditions:
        before = told.get(kind)
        since = before["lastTransitionTime"] if before is not None and before["status"] == state else None
        told[kind] = {
            "type": kind, "status": state, "lastTransitionTime": since or timestamp(view.now_s), "reason": reason,
            "message": message,
        }  # fmt: skip
    status = {"desiredReplicas": 0, "currentMetrics": None, **old, **counts, "conditions": list(told.values())}
    if status != old:
        view.update_status(_PLURAL, {**scaler, "status": status}, why=conditions[-1][3])


def _on_revision(revision: Revision, view: View) -> Iterable[str]:
    return () if revision.type == "DELETED" or revision.cause.actor == view.actor else (revision.key,)


CONTROLLER = Controller(
    name="horizontal-pod-autoscaler", reconcile=reconcile, watches={_PLURAL: _on_revision}, latency_s=_EVERY_S
)
