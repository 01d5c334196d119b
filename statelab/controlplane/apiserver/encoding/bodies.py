"""The body of a request: JSON or YAML in, JSON bytes or plain values out. Raises ApiError for what cannot be read.

Source: apiserver/pkg/endpoints/handlers (create.go, patch.go, delete.go), sigs.k8s.io/yaml.
"""

from __future__ import annotations

from typing import Any

from statelab.controlplane import errors
from statelab.controlplane.apiserver.encoding import go_json, negotiation, protobuf, strict
from statelab.controlplane.apiserver.encoding.request import Request
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import Kind, Object
from statelab.reader import jsonbytes

MAX_BYTES = 3 * 1024 * 1024
_DELETE_OPTIONS = "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions"
_DELETE_KIND = Kind("meta", "v1", "DeleteOptions", "deleteoptions")


def check_size(request: Request) -> None:
    """Raises ApiError 413. Source: handlers/rest.go limitedReadBody."""
    if len(request.body) > MAX_BYTES:
        raise too_large()


def too_large() -> ApiError:
    return ApiError(413, "RequestEntityTooLarge", f"Request entity too large: limit is {MAX_BYTES}")


class _NotYaml(Exception):
    """What a YAML parser would say."""


def as_json(request: Request, name: str) -> bytes:
    """The body of a create or an update as JSON bytes, whatever it came as; `name` is of the kind that is wanted.

    Raises ApiError 400, 413, 415.
    """
    check_size(request)
    media_type = negotiation.body_type(request.headers.get("content-type", ""))
    if media_type == "application/yaml":
        try:
            return jsonbytes.dumps(_yaml(request.body))
        except _NotYaml as problem:
            raise strict.unrecognized(name, str(problem), request.body) from None
    if media_type == protobuf.MEDIA_TYPE:
        return jsonbytes.dumps(protobuf.decode(request.body))
    return request.body


def obj(request: Request, kind: Kind, validation: strict.Validation, warnings: list[str]) -> Object:
    """The body as an object of `kind` in normal form. Raises ApiError; 415 for a custom object in protobuf."""
    if kind.custom is not None and request.headers.get("content-type", "").startswith(protobuf.MEDIA_TYPE):
        raise negotiation.unsupported_media_type(negotiation.MEDIA_TYPES)
    decoded, found = strict.decode(as_json(request, kind.name), kind, validation)
    warnings.extend(found)
    return decoded


def of_definition(request: Request, definition: str, name: str) -> Object:
    """The body as a value that is no stored kind: a Scale, a Binding, an Eviction."""
    value = _json(as_json(request, name))
    if not isinstance(value, dict):
        raise errors.bad_request(f"the object provided is unrecognized (must be of type {name})")
    said = value.get("kind", name)
    if said != name:
        version = str(value.get("apiVersion", "")).rpartition("/")[2]
        raise errors.bad_request(
            f"{said} in version {go_json.go_quote(version)} cannot be handled as a {name}: "
            f"converting ({version}.{said}) to ({name}): unknown conversion"
        )
    return strict.check_definition(value, definition)


def delete_options(request: Request) -> Object:
    """The DeleteOptions in a DELETE's body; {} when there is none."""
    check_size(request)
    if not request.body:
        return {}
    value = _json(as_json(request, "DeleteOptions"))
    if not isinstance(value, dict):
        raise errors.bad_request("decoded object cannot be converted to DeleteOptions")
    if value.get("kind", "DeleteOptions") != "DeleteOptions":
        raise errors.bad_request("decoded object cannot be converted to DeleteOptions")
    return strict.check_definition(value, _DELETE_OPTIONS)


def patch(request: Request, patch_type: str) -> Any:
    """The patch as plain values. Raises ApiError 400, 413."""
    check_size(request)
    if patch_type == "apply":
        try:
            return _yaml(request.body)
        except _NotYaml as problem:
            raise errors.bad_request(f"error decoding YAML: {problem}") from None
    try:
        return _plain(request.body)
    except go_json.SyntaxError_ as error:
        if patch_type == "strategic":
            raise errors.bad_request(str(error)) from None
        raise errors.bad_request(f"error decoding patch: {error}") from None


def _json(raw: bytes) -> Any:
    try:
        return _plain(raw)
    except go_json.SyntaxError_ as error:
        raise errors.bad_request(
            f"couldn't get version/kind; json parse error: {error}" if raw else "unexpected end of JSON input"
        ) from None


def _plain(raw: bytes) -> Any:
    try:
        return jsonbytes.loads(raw)
    except jsonbytes.JSONDecodeError:
        return go_json.plain(go_json.parse(raw))


def _yaml(raw: bytes) -> Any:
    """One YAML document. Raises _NotYaml. A JSON document is one too, and most bodies that say YAML are that."""
    if raw[:1] in (b"{", b"["):
        try:
            return jsonbytes.loads(raw)
        except jsonbytes.JSONDecodeError:
            pass
    # On demand: a YAML parser is a fifth of the time it takes to start the server.
    from statelab.reader import read
    from statelab.reader.errors import ManifestError

    if not raw.strip():
        return None
    try:
        documents = read(raw, "body").documents
    except ManifestError as error:
        place = f"line {error.finding.place.line}: " if error.finding.place else ""
        raise _NotYaml(f"yaml: {place}{error.finding.problem}") from None
    return documents[0].value if documents else None
