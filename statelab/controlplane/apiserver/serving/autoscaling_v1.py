"""autoscaling/v1: the same HorizontalPodAutoscalers as autoscaling/v2, in the older form that many manifests have.

A request is turned into one for v2 and its answer back. What v1 has no field for stands in annotations.
Source: pkg/apis/autoscaling/v1/conversion.go and defaults.go.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from statelab.controlplane.apiserver.encoding import bodies, negotiation, strict
from statelab.controlplane.apiserver.encoding.request import Answer, Request, Response, Target, WatchAnswer, resolve
from statelab.controlplane.apiserver.patch import patching
from statelab.controlplane.apiserver.serving import forms, options
from statelab.controlplane.errors import ApiError, not_found
from statelab.controlplane.kinds import OTHER_VERSIONS, Object
from statelab.controlplane.store import Store
from statelab.reader import jsonbytes

Fields = dict[str, Any]
Serve = Callable[[Request, list[str]], Answer]

PREFIX = "/apis/autoscaling/v1/"
_V2_PREFIX, _V2 = "/apis/autoscaling/v2/", "autoscaling/v2"
_KIND = OTHER_VERSIONS["autoscaling/v1", "horizontalpodautoscalers"]
_PERCENT = "targetCPUUtilizationPercentage"
_ANNOTATION = "autoscaling.alpha.kubernetes.io/"
_COUNTS = ("observedGeneration", "lastScaleTime", "currentReplicas", "desiredReplicas")


def answer(store: Store, serve: Serve, request: Request, warnings: list[str]) -> Answer:
    """The answer to a request below PREFIX; `serve` answers one for v2. Raises ApiError."""
    path = _V2_PREFIX + request.path.removeprefix(PREFIX)
    target = resolve(path)
    if not isinstance(target, Target) or target.kind.plural != _KIND.plural:
        return serve(request, warnings)
    method, body = request.method, request.body
    if method in ("POST", "PUT"):
        decoded, told = strict.decode(bodies.as_json(request, _KIND.name), _KIND, options.validation_of(request))
        warnings.extend(told)
        body = jsonbytes.dumps(to_v2(decoded))
    elif method == "PATCH":
        method, body = _patch(store, request, target)
    headers = dict(request.headers)
    if body is not request.body:
        apply = method == "PATCH"
        headers["content-type"] = "application/apply-patch+yaml" if apply else "application/json"
    found = serve(replace(request, method=method, path=path, body=body, headers=headers), warnings)
    return _shown(
        found, negotiation.form_of(request.headers.get("accept", ""), (*forms.LIST_VIEWS, *forms.OBJECT_VIEWS))
    )


def _patch(store: Store, request: Request, target: Target) -> tuple[str, bytes]:
    """The method and the body for v2: an applied configuration as one, any other patch as what it makes of v1."""
    patch_type = negotiation.patch_type(request.headers.get("content-type", ""))
    patch = bodies.patch(request, patch_type)
    if patch_type == "apply":
        return "PATCH", jsonbytes.dumps(to_v2(patch) if isinstance(patch, dict) else patch)
    old = store.get(_KIND.plural, f"{target.namespace}/{target.name}")
    if old is None:
        raise not_found(target.kind, target.name)
    patched = patching.patched(_KIND, to_v1(old), patch_type, patch, None)
    try:
        checked, _ = strict.check(patched, _KIND, options.validation_of(request))
    except ApiError as refusal:
        raise patching.refused(patch_type, patch, patched, refusal) from None
    return "PUT", jsonbytes.dumps(to_v2(checked))


def _shown(found: Answer, form: negotiation.Form) -> Answer:
    if isinstance(found, WatchAnswer) and not form.what:
        encode = found.encode

        def as_v1(type: str, obj: Object) -> bytes:
            return encode(type, obj) if type in ("BOOKMARK", "ERROR") else forms.event_line(type, to_v1(obj))

        found.encode, found.is_plain = as_v1, False
    elif isinstance(found, Response) and found.content_type == "application/json" and not form.what:
        told = jsonbytes.loads(found.body)
        if told.get("kind") == _KIND.name:
            found.body = jsonbytes.dumps(to_v1(told))
        elif told.get("kind") == f"{_KIND.name}List":
            items = [{key: each for key, each in to_v1(obj).items() if key in obj} for obj in told["items"]]
            found.body = jsonbytes.dumps({**told, "apiVersion": _KIND.api_version, "items": items})
    return found


# ---- one form and the other


def to_v1(obj: Object) -> Object:
    """A v2 object as v1 shows it."""
    spec, status = dict(obj.get("spec") or {}), obj.get("status") or {}
    metrics, behavior = spec.pop("metrics", None) or [], spec.pop("behavior", None)
    percent = next((value for each in metrics if (value := _cpu(each, "target")) is not None), None)
    if percent is not None:
        spec[_PERCENT] = percent
    kept: Fields = {
        "metrics": [each for each in metrics if _cpu(each, "target") is None],
        "behavior": behavior,
        "conditions": status.get("conditions"),
    }
    metadata = dict(obj.get("metadata") or {})
    annotations = dict(metadata.get("annotations") or {})
    annotations |= {_ANNOTATION + key: jsonbytes.dumps(each).decode() for key, each in kept.items() if each}
    if annotations:
        metadata["annotations"] = annotations
    shown = {key: status[key] for key in _COUNTS if key in status}
    shown = {"currentReplicas": 0, "desiredReplicas": 0, **shown}
    now = next(
        (value for each in status.get("currentMetrics") or () if (value := _cpu(each, "current")) is not None), None
    )
    if now is not None:
        shown["currentCPUUtilizationPercentage"] = now
    return {"kind": _KIND.name, "apiVersion": _KIND.api_version, "metadata": metadata, "spec": spec, "status": shown}


def to_v2(obj: Object) -> Object:
    """A v1 object, or a part of one that is applied, as v2 has it."""
    found = {**obj, "apiVersion": _V2}
    annotations = dict((obj.get("metadata") or {}).get("annotations") or {})
    kept = {key: annotations.pop(_ANNOTATION + key, None) for key in ("metrics", "behavior", "conditions")}
    if any(each is not None for each in kept.values()):
        found["metadata"] = {**obj["metadata"], "annotations": annotations}
    if "spec" in obj:
        spec = dict(obj["spec"] or {})
        metrics = _read(kept["metrics"], list)
        percent = spec.pop(_PERCENT, None)
        if percent is not None:
            target = {"type": "Utilization", "averageUtilization": percent}
            metrics = [*metrics, {"type": "Resource", "resource": {"name": "cpu", "target": target}}]
        if metrics:
            spec["metrics"] = metrics
        if behavior := _read(kept["behavior"], dict):
            spec["behavior"] = behavior
        found["spec"] = spec
    if obj.get("status"):
        found["status"] = {key: obj["status"][key] for key in _COUNTS if key in obj["status"]}
    return found


def _read(text: str | None, kind: type) -> Any:
    """What an annotation holds; nothing where somebody wrote something else into it."""
    try:
        found = jsonbytes.loads(text or "null")
    except ValueError:
        found = None
    return found if isinstance(found, kind) else kind()


def _cpu(metric: Fields, part: str) -> int | None:
    """The utilization of CPU that a metric says, which is all that v1 has a field for."""
    resource = metric.get("resource") or {}
    if metric.get("type") != "Resource" or resource.get("name") != "cpu":
        return None
    percent = (resource.get(part) or {}).get("averageUtilization")
    return percent if isinstance(percent, int) else None
