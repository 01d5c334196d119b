"""What form the client wants its answer in, and in which form it sent its body.

Source: apiserver/pkg/endpoints/handlers/negotiation, munnerlyn/goautoneg.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from statelab.controlplane.errors import ApiError

# Protobuf is read, but not written: whoever asks for it takes JSON too.
MEDIA_TYPES = ("application/json", "application/yaml")
BODY_TYPES = (*MEDIA_TYPES, "application/vnd.kubernetes.protobuf")
PATCH_TYPES = {
    "application/json-patch+json": "json",
    "application/merge-patch+json": "merge",
    "application/strategic-merge-patch+json": "strategic",
    "application/apply-patch+yaml": "apply",
}


@dataclass(frozen=True, slots=True)
class Form:
    """The form of an answer: JSON or YAML, of the object itself or of a view of it (`what`, `version`)."""

    media_type: str = "application/json"
    what: str = ""  # "", "Table", "PartialObjectMetadata" or "PartialObjectMetadataList"
    version: str = "v1"  # of meta.k8s.io
    group: str = ""

    @property
    def api_version(self) -> str:
        return f"meta.k8s.io/{self.version}"


@dataclass(frozen=True, slots=True)
class _Clause:
    media_type: str
    parameters: dict[str, str]
    quality: float


JSON = Form()


@lru_cache(maxsize=256)
def form_of(accept: str, views: Sequence[str] = ()) -> Form:
    """The first form of `accept` that this server has. `views`: which views of the object there are.

    Raises ApiError 406.
    """
    if not accept:
        return JSON
    for clause in _clauses(accept):
        if clause.media_type in ("*/*", "application/*"):
            media_type = MEDIA_TYPES[0]
        elif clause.media_type in MEDIA_TYPES:
            media_type = clause.media_type
        else:
            continue
        what = clause.parameters.get("as", "")
        if not what:
            return Form(media_type)
        group, version = clause.parameters.get("g", ""), clause.parameters.get("v", "")
        if group == "meta.k8s.io" and version in ("v1", "v1beta1") and what in views:
            return Form(media_type, what, version, group)
        if group == "apidiscovery.k8s.io" and version in ("v2", "v2beta1") and what in views:
            return Form(media_type, what, version, group)
    message = f"only the following media types are accepted: {', '.join(MEDIA_TYPES)}"
    raise ApiError(406, "NotAcceptable", message)


@lru_cache(maxsize=256)
def body_type(content_type: str) -> str:
    """The media type of a body: one of BODY_TYPES. Raises ApiError 415."""
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type in ("", *BODY_TYPES):
        return media_type or BODY_TYPES[0]
    raise unsupported_media_type(BODY_TYPES)


def patch_type(content_type: str, *, custom: bool = False) -> str:
    """ "json", "merge", "strategic" or "apply"; a custom kind has no Go type to merge by. Raises ApiError 415."""
    found = PATCH_TYPES.get(content_type.partition(";")[0].strip())
    if found is None or (custom and found == "strategic"):
        raise unsupported_media_type(
            tuple(each for each, name in PATCH_TYPES.items() if not custom or name != "strategic")
        )
    return found


def unsupported_media_type(accepted: Sequence[str]) -> ApiError:
    message = f"the body of the request was in an unknown format - accepted media types include: {', '.join(accepted)}"
    return ApiError(415, "UnsupportedMediaType", message)


def _clauses(accept: str) -> list[_Clause]:
    """The clauses of an Accept header, best first: by quality, then the more exact type, then as they stand."""
    clauses = []
    for part in accept.split(","):
        media_type, *raw_parameters = (piece.strip() for piece in part.split(";"))
        parameters = {}
        for raw in raw_parameters:
            name, _, value = raw.partition("=")
            parameters[name.strip()] = value.strip()
        try:
            quality = float(parameters.pop("q", "1"))
        except ValueError:
            quality = 1.0
        if media_type:
            clauses.append(_Clause(media_type.lower(), parameters, quality))
    return sorted(clauses, key=lambda each: (-each.quality, each.media_type == "*/*", each.media_type.endswith("/*")))
