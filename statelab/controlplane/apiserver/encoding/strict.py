"""From the bytes of a request to an object in normal form, or to the API server's words for what is wrong with them.

Source: apimachinery/pkg/runtime/serializer/json, apiserver/pkg/endpoints/handlers (create.go, rest.go).
"""

from __future__ import annotations

import re
from typing import Any, Literal

from statelab.controlplane.apiserver.encoding import decoding, decoding_slow, go_json, schemas
from statelab.controlplane.apiserver.encoding.decoding import Unusual
from statelab.controlplane.apiserver.encoding.go_json import Pairs
from statelab.controlplane.errors import ApiError, bad_request
from statelab.controlplane.kinds import BY_GROUP_VERSION_KIND, OLD_VERSIONS, Kind, Object
from statelab.reader import jsonbytes

Validation = Literal["Strict", "Warn", "Ignore"]

_SCHEME = 'in scheme "pkg/api/legacyscheme/scheme.go:30"'
_TYPE_META = 'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }'
_SPACE_BEFORE_COLON = re.compile(rb'"[ \t\r\n]+:')


def decode(raw: bytes, kind: Kind, validation: Validation = "Strict") -> tuple[Object, list[str]]:
    """The object that `raw` (JSON) holds, and the warnings for it. Raises ApiError 400."""
    try:
        value: Any = jsonbytes.loads(raw)
    except (jsonbytes.JSONDecodeError, RecursionError):
        return _decode_slowly(raw, kind, validation)
    if kind.custom is not None and not _may_repeat_a_key(raw, value):
        return _from_tree(value, kind, validation, raw)
    if kind.custom is None and type(value) is dict and not _may_repeat_a_key(raw, value):
        try:
            return _fast(value, kind), []
        except Unusual:
            pass
    return _decode_slowly(raw, kind, validation)


def check(obj: Any, kind: Kind, validation: Validation = "Strict", *, patch: Any = None) -> tuple[Object, list[str]]:
    """The same for JSON that is parsed already: a new object in normal form; `obj` is not changed.

    Where `obj` came of a patch, `patch` is that patch: its faults are told as the patch's. Raises ApiError 400 (422 for
    a patch).
    """
    if type(obj) is dict and kind.custom is None:
        try:
            return _fast(obj, kind), []
        except Unusual:
            pass
    if patch is None:
        return _from_tree(obj, kind, validation, b"")
    made, findings = _read(obj, kind)
    problem = findings.error
    if not problem and findings.strict and validation == "Strict":
        problem = f"strict decoding error: {', '.join(findings.strict)}"
    if problem:
        shown = go_format(patch) if isinstance(patch, dict) else jsonbytes.dumps(obj).decode()
        message = f"Invalid value: {go_json.go_quote(shown)}: {problem}"
        causes = [{"reason": "FieldValueInvalid", "message": message, "field": "patch"}]
        raise ApiError(422, "Invalid", f' "" is invalid: patch: {message}', {"causes": causes})
    made["apiVersion"], made["kind"] = kind.api_version, kind.name
    return made, findings.strict if validation == "Warn" else []


def go_format(value: Any) -> str:
    """A value as Go's %+v prints it: `map[spec:map[replicas:3]]`."""
    if isinstance(value, dict):
        return f"map[{' '.join(f'{key}:{go_format(value[key])}' for key in sorted(value))}]"
    if isinstance(value, list):
        return f"[{' '.join(go_format(each) for each in value)}]"
    if value is None:
        return "<nil>"
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def check_definition(value: Any, definition: str) -> dict[str, Any]:
    """A value that is no stored kind (DeleteOptions, say) in normal form, unknown fields dropped.

    Raises ApiError 400.
    """
    if type(value) is dict:
        try:
            made: dict[str, Any] = decoding.decoder(definition)(value)
            return made
        except Unusual:
            pass
    made, findings = decoding_slow.decode(definition, value)
    if findings.error:
        raise bad_request(findings.error)
    return made


def _fast(value: dict[str, Any], kind: Kind) -> Object:
    if value.get("kind") != kind.name or value.get("apiVersion") != kind.api_version:
        raise Unusual
    made: Object = decoding.decoder(kind.definition)(value)
    return made


def _may_repeat_a_key(raw: bytes, value: Any) -> bool:
    """Whether the bytes may name a key twice: parsing has kept one of each, so there would be fewer colons."""
    if b"\\u" in raw or _SPACE_BEFORE_COLON.search(raw):
        return True
    try:
        return raw.count(b'":') != jsonbytes.dumps(value).count(b'":')
    except (TypeError, RecursionError):
        return True


def _decode_slowly(raw: bytes, kind: Kind, validation: Validation) -> tuple[Object, list[str]]:
    try:
        tree = go_json.parse(raw)
    except go_json.SyntaxError_ as error:
        raise unrecognized(kind.name, f"couldn't get version/kind; json parse error: {error}", raw) from None
    return _from_tree(tree, kind, validation, raw)


def _from_tree(tree: Any, kind: Kind, validation: Validation, raw: bytes) -> tuple[Object, list[str]]:
    group_version, name = _interpret(tree, kind, raw)
    said = (name, group_version.rpartition("/")[2])
    if (group_version, name) != (kind.api_version, kind.name):
        raise _other_kind(tree, group_version, name, kind, validation)
    made, findings = _read(tree, kind)
    if findings.error:
        raise _cannot_be_handled(*said, kind, findings.error)
    if findings.strict and validation == "Strict":
        raise _cannot_be_handled(*said, kind, f"strict decoding error: {', '.join(findings.strict)}")
    made["apiVersion"], made["kind"] = kind.api_version, kind.name
    return made, findings.strict if validation == "Warn" else []


def _read(tree: Any, kind: Kind) -> tuple[Object, decoding_slow.Findings]:
    """The object in normal form, by its Go type or by its definition's schema."""
    if kind.custom is None:
        return decoding_slow.decode(kind.definition, tree)
    read: tuple[Object, decoding_slow.Findings] = kind.custom.read(tree if tree is not None else {})
    return read


def _interpret(tree: Any, kind: Kind, raw: bytes) -> tuple[str, str]:
    """The apiVersion and kind that the value says, or is given for want of its own."""
    if tree is None:
        return kind.api_version, kind.name
    what = decoding_slow.kind_of(tree)
    if what != "object":
        problem = f"json: cannot unmarshal {what} into Go value of type {_TYPE_META}"
        raise unrecognized(kind.name, f"couldn't get version/kind; json parse error: {problem}", raw)
    said = {"apiVersion": "", "kind": ""}
    for key, value in tree if isinstance(tree, Pairs) else tree.items():
        if key in said and value is not None:
            if not isinstance(value, str) or isinstance(value, go_json.Number):
                problem = (
                    f"json: cannot unmarshal {decoding_slow.kind_of(value)} into Go struct field .{key} of type string"
                )
                raise unrecognized(kind.name, f"couldn't get version/kind; json parse error: {problem}", raw)
            said[key] = value
    group_version = said["apiVersion"]
    if group_version.count("/") > 1:
        raise unrecognized(kind.name, f"unexpected GroupVersion string: {group_version}", raw)
    group, _, version = group_version.rpartition("/")
    if not version:
        group_version = kind.api_version if group in ("", kind.group) else group_version
    elif not group:
        group_version = version
    return group_version, said["kind"] or kind.name


def _other_kind(tree: Any, group_version: str, name: str, kind: Kind, validation: Validation) -> ApiError:
    """Why a value that says it is something else cannot be taken for a `kind`."""
    group, _, version = group_version.rpartition("/")
    if kind.custom is not None and name == kind.name:
        return bad_request(
            f"the API version in the data ({group_version}) does not match "
            f"the expected API version ({kind.api_version})"
        )
    old = group_version in OLD_VERSIONS.get(name, ())
    own = BY_GROUP_VERSION_KIND.get((group_version, name)) or (kind if old and name == kind.name else None)
    if own is not None:  # it is decoded as what it says it is, before anyone asks whether that was wanted
        _, findings = decoding_slow.decode(own.definition, tree)
        if findings.error:
            return _cannot_be_handled(name, version, kind, findings.error)
        if old and findings.strict and validation == "Strict":
            problem = f"strict decoding error: {', '.join(findings.strict)}"
            return _cannot_be_handled(name, version, kind, problem)
    if old and name == kind.name:
        return bad_request(
            f"the API version in the data ({group_version}) does not match "
            f"the expected API version ({kind.api_version})"
        )
    known = {
        (one["group"], one["version"], one["kind"])
        for schema in schemas.definitions().values()
        for one in schema.get("x-kubernetes-group-version-kind", ())
    }
    if (group, version, name) in known or old:
        internal = kind.package
        problem = f"converting ({version}.{name}) to ({internal}.{kind.name}): unknown conversion"
    else:
        problem = (
            f"no kind {go_json.go_quote(name)} is registered for version {go_json.go_quote(group_version)} {_SCHEME}"
        )
    return _cannot_be_handled(name, version, kind, problem)


def _cannot_be_handled(name: str, version: str, kind: Kind, problem: str) -> ApiError:
    return bad_request(f"{name} in version {go_json.go_quote(version)} cannot be handled as a {kind.name}: {problem}")


def unrecognized(name: str, problem: str, raw: bytes) -> ApiError:
    """400 for bytes that do not say what they are, where an object of kind `name` is wanted."""
    return bad_request(f"the object provided is unrecognized (must be of type {name}): {problem} ({_summary(raw)})")


def _summary(raw: bytes) -> str:
    if not raw:
        return "<empty>"
    more = " ..." if len(raw) > 30 else ""
    return (raw[:30].decode("utf-8", "replace") if raw[:1] == b"{" else raw[:30].hex()) + more
