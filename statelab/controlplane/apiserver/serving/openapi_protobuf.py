"""/openapi/v2 in protobuf, the only form kubectl asks for: what it looks for there, and no more.

It looks for the query parameters that a PATCH of a kind takes, to learn whether the server validates fields by itself;
the definitions it takes from v3. Written by hand, because it is small.
Source: openapiv2/OpenAPIv2.proto of github.com/google/gnostic-models.
"""

from __future__ import annotations

from functools import lru_cache

from statelab.controlplane.kinds import KINDS, Kind
from statelab.version import KUBERNETES_VERSION

MEDIA_TYPE = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"  # as it is asked for
CONTENT_TYPE = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"  # as it is answered: this one can be parsed

_PARAMETERS = ("dryRun", "fieldManager", "fieldValidation", "force", "pretty")
# Numbers of fields, named message_field.
_DOCUMENT_SWAGGER, _DOCUMENT_INFO, _DOCUMENT_PATHS = 1, 2, 8
_INFO_TITLE, _INFO_VERSION = 1, 2
_PATHS_PATH, _PATH_PATCH, _OPERATION_PARAMETERS, _OPERATION_EXTENSION = 2, 8, 8, 13
_ITEM_PARAMETER, _PARAMETER_NON_BODY, _NON_BODY_QUERY = 1, 2, 3
_QUERY_IN, _QUERY_NAME, _QUERY_TYPE = 2, 4, 6
_NAMED_NAME, _NAMED_VALUE, _ANY_YAML = 1, 2, 2


@lru_cache(maxsize=1)
def document() -> bytes:
    """The Document message."""
    info = _text(_INFO_TITLE, "Kubernetes") + _text(_INFO_VERSION, f"v{KUBERNETES_VERSION}")
    paths = b"".join(_field(_PATHS_PATH, _path(kind)) for kind in KINDS.values())
    return _text(_DOCUMENT_SWAGGER, "2.0") + _field(_DOCUMENT_INFO, info) + _field(_DOCUMENT_PATHS, paths)


def _path(kind: Kind) -> bytes:
    parts = ["", "apis" if kind.group else "api", kind.api_version]
    parts += ["namespaces", "{namespace}"] if kind.namespaced else []
    what = f'{{"group": "{kind.group}", "kind": "{kind.name}", "version": "{kind.version}"}}\n'
    extension = _named("x-kubernetes-group-version-kind", _text(_ANY_YAML, what))
    operation = b"".join(_field(_OPERATION_PARAMETERS, _parameter(name)) for name in _PARAMETERS)
    operation += _field(_OPERATION_EXTENSION, extension)
    return _named("/".join([*parts, kind.plural, "{name}"]), _field(_PATH_PATCH, operation))


def _parameter(name: str) -> bytes:
    query = _text(_QUERY_IN, "query") + _text(_QUERY_NAME, name) + _text(_QUERY_TYPE, "string")
    return _field(_ITEM_PARAMETER, _field(_PARAMETER_NON_BODY, _field(_NON_BODY_QUERY, query)))


def _named(name: str, value: bytes) -> bytes:
    return _text(_NAMED_NAME, name) + _field(_NAMED_VALUE, value)


def _text(number: int, text: str) -> bytes:
    return _field(number, text.encode())


def _field(number: int, content: bytes) -> bytes:
    length, size = len(content), b""
    while length > 0x7F:
        size += bytes((length & 0x7F | 0x80,))
        length >>= 7
    return bytes((number << 3 | 2,)) + size + bytes((length,)) + content
