"""What a patch of each type makes of an object, and what it may not make of it: another object, or nonsense."""

from __future__ import annotations

from typing import Any

from statelab.controlplane import errors
from statelab.controlplane.apiserver.patch import patch as patches
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import Kind, Object
from statelab.reader import jsonbytes


def patched(kind: Kind, before: Object, patch_type: str, body: Any, subresource: str | None) -> Object:
    """`before` (an object, or its Scale) with a "json", "merge" or "strategic" patch. Raises ApiError."""
    if patch_type == "json":
        obj = patches.json_patch(before, body)
    elif patch_type == "merge":
        obj = patches.merge_patch(before, body)
    else:
        obj = patches.strategic_merge(before, body, schema_name(kind, subresource))
    _check_identity(obj, before)
    return obj


def schema_name(kind: Kind, subresource: str | None) -> str:
    """The OpenAPI definition of what a subresource is written as."""
    return "io.k8s.api.autoscaling.v1.Scale" if subresource == "scale" else kind.definition


def refused(patch_type: str, body: Any, patched: Object, refusal: ApiError) -> ApiError:
    """What a patch makes of an object cannot be decoded. Source: apiserver/pkg/endpoints/handlers/patch.go."""
    _, _, why = refusal.message.partition(" cannot be handled as a ")
    why = why.partition(": ")[2] or refusal.message
    value = _go_text(body) if patch_type == "strategic" else jsonbytes.dumps(patched).decode()
    finding = errors.FieldError(
        "patch", "FieldValueInvalid", f"Invalid value: {jsonbytes.dumps(value).decode()}: {why}"
    )
    return errors.invalid(Kind("", "", "", ""), "", [finding])


def _go_text(value: Any) -> str:
    """A JSON value as Go's %+v prints it: `map[spec:map[replicas:3]]`."""
    if isinstance(value, dict):
        return f"map[{' '.join(f'{key}:{_go_text(value[key])}' for key in sorted(value))}]"
    if isinstance(value, list):
        return f"[{' '.join(_go_text(each) for each in value)}]"
    return {None: "<nil>", True: "true", False: "false"}.get(value, str(value)) if not isinstance(value, str) else value


def check_applied_name(obj: Object, name: str, namespace: str) -> None:
    """Source: apiserver/pkg/endpoints/handlers/patch.go, rest.go checkName."""
    said, where = obj["metadata"].get("name"), obj["metadata"].get("namespace")
    if namespace and where and where != namespace:
        raise errors.bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    if not said:
        raise errors.bad_request(
            f"the name of the object ({name} based on URL) was undeterminable: name must be provided"
        )
    if said != name:
        raise errors.bad_request(f"the name of the object ({said}) does not match the name on the URL ({name})")


def _check_identity(obj: Object, old: Object) -> None:
    """A patch cannot rename: the handler compares the result with the URL."""
    metadata = obj.get("metadata")
    if not isinstance(metadata, dict):
        raise errors.bad_request("metadata must be an object")
    name, was = metadata.get("name"), old["metadata"]["name"]
    if name != was:
        raise errors.bad_request(f"the name of the object ({name}) does not match the name on the URL ({was})")
    if metadata.get("namespace") != old["metadata"].get("namespace"):
        raise errors.bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
