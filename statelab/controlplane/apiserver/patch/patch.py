"""The three patches a client may send, as pure functions: what an object looks like after one.

`json_patch` (RFC 6902) and `merge_patch` (RFC 7386) are here; `strategic_merge`, Kubernetes' own, is in
strategic_merge.py. Server-side apply is in apply.py. None of them changes what it is given.

Source: apiserver/pkg/endpoints/handlers/patch.go and the json-patch library it uses (evanphx, version 4), whose habits
are kept where they differ from the RFC: an index may count from the end, and `replace` may add a key.
"""

from __future__ import annotations

from typing import Any

from statelab.controlplane.apiserver.patch.strategic_merge import strategic_merge
from statelab.controlplane.errors import ApiError, bad_request
from statelab.controlplane.kinds import Object
from statelab.reader import jsonbytes

__all__ = ["json_patch", "merge_patch", "strategic_merge"]

_MAX_OPERATIONS = 10_000
_MAX_COPIED_BYTES = 3 * 1024 * 1024  # what all "copy" operations of one patch may add


class _DoesNotApply(Exception):
    """An operation failed. The API server does not say which, nor why."""


def json_patch(obj: Object, operations: Any) -> Object:
    """`obj` after the operations of a JSON Patch.

    Raises ApiError: 400 for what is no JSON Patch, 413 for too many operations, 422 when one does not apply.
    """
    if operations is None:
        operations = []
    if not isinstance(operations, list):
        raise bad_request(f"json: cannot unmarshal {_json_type(operations)} into Go value of type jsonpatch.Patch")
    for operation in operations:
        if operation is not None and not isinstance(operation, dict):
            kind = _json_type(operation)
            raise bad_request(f"json: cannot unmarshal {kind} into Go value of type jsonpatch.Operation")
    if len(operations) > _MAX_OPERATIONS:
        message = (
            "Request entity is too large: The allowed maximum operations in a JSON patch is "
            f"{_MAX_OPERATIONS}, got {len(operations)}"
        )
        raise ApiError(413, "RequestEntityTooLarge", message)
    try:
        patched = _Document(obj).apply(operations)
        _copy(patched)  # deeper than any JSON reader would go is refused here, not met later
    except _DoesNotApply as failure:
        message = "the server rejected our request due to an error in our request"
        raise ApiError(422, "Invalid", message, {}) from failure
    if not isinstance(patched, dict):
        raise bad_request("the patched object is not a JSON object")
    return patched


class _Document:
    """A private copy that operations change."""

    def __init__(self, obj: Any) -> None:
        self.root: Any = _copy(obj)
        self.copied_bytes = 0

    def apply(self, operations: list[Object | None]) -> Any:
        verbs = {
            "add": self.add,
            "remove": self.remove,
            "replace": self.replace,
            "move": self.move,
            "test": self.test,
            "copy": self.copy,
        }
        for operation in operations:
            name = (operation or {}).get("op")
            verb = verbs.get(name) if isinstance(name, str) else None
            if verb is None:
                raise _DoesNotApply(f"Unexpected kind: {name}")
            verb(operation or {})
        return self.root

    def add(self, operation: Object) -> None:
        container, key = self.find(_pointer(operation, "path"))
        _add(container, key, _copy(operation.get("value")))

    def remove(self, operation: Object) -> None:
        container, key = self.find(_pointer(operation, "path"))
        _remove(container, key)

    def replace(self, operation: Object) -> None:
        path = _pointer(operation, "path")
        value = _copy(operation.get("value"))
        if path == "":
            if not isinstance(value, dict | list):
                raise _DoesNotApply("replace operation value must be object or array")
            self.root = value
            return
        container, key = self.find(path)
        if isinstance(container, list):
            container[_index(container, key)] = value
        else:
            container[key] = value

    def move(self, operation: Object) -> None:
        container, key = self.find(_pointer(operation, "from"))
        value = _get(container, key)
        _remove(container, key)
        container, key = self.find(_pointer(operation, "path"))
        _add(container, key, value)

    def copy(self, operation: Object) -> None:
        container, key = self.find(_pointer(operation, "from"))
        value = _copy(_get(container, key))
        self.copied_bytes += len(jsonbytes.dumps(value))
        if self.copied_bytes > _MAX_COPIED_BYTES:
            raise _DoesNotApply("the accumulated size increase of copy operations is too large")
        container, key = self.find(_pointer(operation, "path"))
        _add(container, key, value)

    def test(self, operation: Object) -> None:
        path = _pointer(operation, "path")
        if path == "":
            found = self.root
        else:
            container, key = self.find(path)
            found = _get(container, key)
        if not _same(found, operation.get("value")):
            raise _DoesNotApply(f"testing value {path} failed")

    def find(self, path: str) -> tuple[Any, str]:
        """The object or array that holds what `path` names, and the last part of the path."""
        parts = path.split("/")
        if len(parts) < 2:
            raise _DoesNotApply(f"doc is missing path: {path}")
        container = self.root
        for part in parts[1:-1]:
            container = _get(container, _unescape(part))
        if not isinstance(container, dict | list):
            raise _DoesNotApply(f"doc is missing path: {path}")
        return container, _unescape(parts[-1])


def _pointer(operation: Object, name: str) -> str:
    value = operation.get(name)
    if not isinstance(value, str):
        raise _DoesNotApply(f"operation missing {name} field")
    return value


def _unescape(part: str) -> str:
    return part.replace("~1", "/").replace("~0", "~")


def _get(container: Any, key: str) -> Any:
    if isinstance(container, list):
        return container[_index(container, key)]
    if isinstance(container, dict):
        return container.get(key)  # a key that is not there reads as null
    raise _DoesNotApply(f"nothing below {key}")


def _add(container: Any, key: str, value: Any) -> None:
    if isinstance(container, dict):
        container[key] = value
    elif key == "-":
        container.append(value)
    else:
        container.insert(_index(container, key, room=1), value)


def _remove(container: Any, key: str) -> None:
    if isinstance(container, list):
        del container[_index(container, key)]
    elif key in container:
        del container[key]
    else:
        raise _DoesNotApply(f"Unable to remove nonexistent key: {key}")


def _index(container: list[Any], key: str, room: int = 0) -> int:
    """The position that `key` names; negative ones count from the end. `room` 1: the end itself is a place, too."""
    digits = key[1:] if key[:1] in ("+", "-") else key
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 18:
        raise _DoesNotApply(f"value was not a proper array index: '{key}'")
    index, size = int(key), len(container) + room
    if not -size <= index < size:
        raise _DoesNotApply(f"Unable to access invalid index: {index}")
    return index + size if index < 0 else index


def _copy(value: Any) -> Any:
    try:
        return jsonbytes.loads(jsonbytes.dumps(value))
    except (jsonbytes.JSONEncodeError, jsonbytes.JSONDecodeError) as error:
        raise _DoesNotApply("exceeded max depth") from error


def _same(left: Any, right: Any) -> bool:
    """Equal as JSON: True is not 1, and neither is 1.0."""
    return jsonbytes.dumps(left, option=jsonbytes.OPT_SORT_KEYS) == jsonbytes.dumps(
        right, option=jsonbytes.OPT_SORT_KEYS
    )


def _json_type(value: Any) -> str:
    """As encoding/json names it in errors."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, str):
        return "string"
    if isinstance(value, int | float):
        return "number"
    return "array" if isinstance(value, list) else "object"


def merge_patch(obj: Object, patch: Any) -> Object:
    """`obj` after a JSON merge patch: null removes a key, objects merge, all else replaces. Raises ApiError 400."""
    if patch is None:
        return obj
    if not isinstance(patch, dict):
        kind = _json_type(patch)
        raise bad_request(
            f"error decoding patch: json: cannot unmarshal {kind} into Go value of type map[string]interface {{}}"
        )
    try:
        jsonbytes.dumps(patch)
    except jsonbytes.JSONEncodeError:
        raise bad_request("error decoding patch: json: exceeded max depth") from None
    merged: Object = _merge(obj, patch)
    return merged


def _merge(value: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return _without_nulls(patch)
    merged = dict(value) if isinstance(value, dict) else {}
    for key, change in patch.items():
        if change is None:
            merged.pop(key, None)
        else:
            merged[key] = _merge(merged.get(key), change)
    return merged


def _without_nulls(value: Any) -> Any:
    """A new value's objects, those in arrays too, lose their nulls; an array keeps its own."""
    if isinstance(value, dict):
        return {key: _without_nulls(each) for key, each in value.items() if each is not None}
    if isinstance(value, list):
        return [_without_nulls(each) for each in value]
    return value
