"""The scale subresource: autoscaling/v1 Scale, a window on spec.replicas. Source: pkg/registry/apps/*/storage."""

from __future__ import annotations

from statelab.controlplane import errors
from statelab.controlplane.apiserver.encoding.jsonpaths import find, put
from statelab.controlplane.errors import FieldError
from statelab.controlplane.kinds import Kind, Object
from statelab.controlplane.labels import label_selector_of, selector_text

SCALE = Kind("autoscaling", "v1", "Scale", "scales")


def scale_of(obj: Object, kind: Kind | None = None, *, must_say: bool = False) -> Object:
    """The Scale of a workload that counts replicas; of a custom one (`kind`) by the paths of its definition.

    Raises ApiError 500 when a custom one says no count and `must_say`.
    """
    metadata = obj["metadata"]
    if kind is not None and kind.custom is not None:
        return _custom_scale(obj, kind.custom.scale, must_say=must_say)
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


def _custom_scale(obj: Object, paths: dict[str, str], *, must_say: bool) -> Object:
    metadata = obj["metadata"]
    wanted, there = (find(obj, paths[key])[:1] for key in ("specReplicasPath", "statusReplicasPath"))
    if not wanted and must_say:
        raise errors.internal(f'the spec replicas field "{paths["specReplicasPath"]}" does not exist')
    shown = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    status: Object = {"replicas": there[0] if there else 0}
    selector = find(obj, paths["labelSelectorPath"])[:1] if paths.get("labelSelectorPath") else []
    if selector:
        status["selector"] = selector[0]
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {name: metadata[name] for name in shown if name in metadata},
        "spec": {"replicas": wanted[0]} if wanted and wanted[0] else {},
        "status": status,
    }


def with_scale(obj: Object, scale: Object, kind: Kind | None = None) -> Object:
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
    custom = kind.custom if kind is not None else None
    if replicas < 0 and custom is None:  # of a custom one its own rules say so
        message = f"Invalid value: {replicas}: must be greater than or equal to 0"
        raise errors.invalid(SCALE, name, [FieldError("spec.replicas", "FieldValueInvalid", message)])
    metadata = dict(obj["metadata"])
    wanted = scale.get("metadata") or {}
    if wanted.get("uid"):
        metadata["uid"] = wanted["uid"]
    version = wanted.get("resourceVersion", "")
    if custom is not None:
        metadata["resourceVersion"] = version or metadata["resourceVersion"]
        return put({**obj, "metadata": metadata}, custom.scale["specReplicasPath"], replicas)
    metadata["resourceVersion"] = version
    return {**obj, "metadata": metadata, "spec": {**obj["spec"], "replicas": replicas}}
