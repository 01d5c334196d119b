"""The scale subresource: autoscaling/v1 Scale, a window on spec.replicas. Source: pkg/registry/apps/*/storage."""

from __future__ import annotations

from statelab.controlplane import errors
from statelab.controlplane.errors import FieldError
from statelab.controlplane.kinds import Kind, Object
from statelab.controlplane.labels import label_selector_of, selector_text

SCALE = Kind("autoscaling", "v1", "Scale", "scales")


def scale_of(obj: Object) -> Object:
    """The Scale of a workload that counts replicas."""
    metadata = obj["metadata"]
    shown = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    status = {"replicas": obj.get("status", {}).get("replicas", 0)}
    selector = selector_text(label_selector_of(obj) or {})
    if selector:
        status["selector"] = selector
    spec = {"replicas": obj["spec"].get("replicas", 0)} if obj["spec"].get("replicas") else {}
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {name: metadata[name] for name in shown if name in metadata},
        "spec": spec,
        "status": status,
    }


def with_scale(obj: Object, scale: Object) -> Object:
    """`obj` with the replicas that `scale` asks for. Raises ApiError when they are not a count."""
    name = obj["metadata"]["name"]
    replicas = (scale.get("spec") or {}).get("replicas", 0)
    if replicas is None:
        replicas = 0
    if not isinstance(replicas, int) or isinstance(replicas, bool):
        raise errors.bad_request(
            'Scale in version "v1" cannot be handled as a Scale: json: cannot unmarshal '
            f"{'string' if isinstance(replicas, str) else 'value'} into Go struct field "
            "ScaleSpec.spec.replicas of type int32"
        )
    if replicas < 0:
        message = f"Invalid value: {replicas}: must be greater than or equal to 0"
        raise errors.invalid(SCALE, name, [FieldError("spec.replicas", "FieldValueInvalid", message)])
    metadata = dict(obj["metadata"])
    wanted = scale.get("metadata") or {}
    if wanted.get("uid"):
        metadata["uid"] = wanted["uid"]
    metadata["resourceVersion"] = wanted.get("resourceVersion", "")
    return {**obj, "metadata": metadata, "spec": {**obj["spec"], "replicas": replicas}}
