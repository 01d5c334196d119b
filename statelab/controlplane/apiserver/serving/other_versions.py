"""Kinds that are served in a second version, too: events.k8s.io/v1 and autoscaling/v1.

A request is turned into one for the version that is stored, and its answer back, so there is one store and one history.
Source: apiserver/pkg/endpoints/handlers, where each version is decoded into the internal one and encoded from it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from statelab.controlplane import errors
from statelab.controlplane.apiserver.encoding import bodies, negotiation, strict
from statelab.controlplane.apiserver.encoding.request import Answer, Request, Response, Target, WatchAnswer, resolve
from statelab.controlplane.apiserver.patch import patching
from statelab.controlplane.apiserver.serving import autoscaling_v1, events_v1, forms, options
from statelab.controlplane.apiserver.validation import events
from statelab.controlplane.errors import ApiError, FieldError, not_found
from statelab.controlplane.kinds import KINDS, Kind, Object
from statelab.controlplane.store import Store
from statelab.reader import jsonbytes

Serve = Callable[[Request, list[str]], Answer]
Findings = Callable[[Object, Object | None], list[FieldError]]


@dataclass(frozen=True, slots=True)
class Version:
    """One more version of a stored kind.

    `shown` makes this version's form of a stored object, `stored` the other way round; both take parts, too.
    `findings` is what this version refuses beyond the stored one: of a new object, or of one and what was there.
    `selector` rewrites a field selector.
    """

    kind: Kind
    shown: Callable[[Object], Object]
    stored: Callable[[Object], Object]
    findings: Findings | None = None
    selector: Callable[[str], str] | None = None

    @property
    def prefix(self) -> str:
        return f"/apis/{self.kind.api_version}/"


_VERSIONS = (
    Version(autoscaling_v1.KIND, autoscaling_v1.to_v1, autoscaling_v1.to_v2),
    Version(events_v1.KIND, events_v1.shown, events_v1.stored, events.findings_of_v1, events_v1.selector),
)


def version_of(path: str) -> Version | None:
    """The second version whose address `path` is, if it is one."""
    return next((each for each in _VERSIONS if path.startswith(each.prefix)), None)


def answer(version: Version, store: Store, serve: Serve, request: Request, warnings: list[str]) -> Answer:
    """The answer to a request for `version`; `serve` answers one for what is stored. Raises ApiError."""
    kind, stored_kind = version.kind, KINDS[version.kind.plural]
    root = f"/apis/{stored_kind.api_version}/" if stored_kind.group else f"/api/{stored_kind.version}/"
    path = root + request.path.removeprefix(version.prefix)
    target = resolve(path)
    if not isinstance(target, Target) or target.kind is not stored_kind:
        return serve(request, warnings)
    method, body, query = request.method, request.body, request.query
    if method in ("POST", "PUT"):
        decoded, told = strict.decode(bodies.as_json(request, kind.name), kind, options.validation_of(request))
        warnings.extend(told)
        body = _as_stored(version, store, target, decoded)
    elif method == "PATCH":
        method, body = _patch(version, store, request, target)
    if version.selector is not None and "fieldSelector" in query:
        query = {**query, "fieldSelector": [version.selector(request.first("fieldSelector"))]}
    headers = dict(request.headers)
    if body is not request.body:
        apply = method == "PATCH"
        headers["content-type"] = "application/apply-patch+yaml" if apply else "application/json"
    asked = replace(request, method=method, path=path, body=body, headers=headers, query=query)
    found = serve(asked, warnings)
    form = negotiation.form_of(request.headers.get("accept", ""), (*forms.LIST_VIEWS, *forms.OBJECT_VIEWS))
    return _shown(version, request, found, form)


def _as_stored(version: Version, store: Store, target: Target, decoded: Object) -> bytes:
    """The body of a create or an update, for the stored version. Raises ApiError 422."""
    obj = version.stored(decoded)
    if version.findings is not None:
        metadata = {"namespace": target.namespace, **(obj.get("metadata") or {})}
        name = target.name or metadata.get("name", "")
        found = version.findings({**obj, "metadata": metadata}, store.get(version.kind.plural, _key(target)))
        if found:
            raise errors.invalid(KINDS[version.kind.plural], name, found)
    return jsonbytes.dumps(obj)


def _patch(version: Version, store: Store, request: Request, target: Target) -> tuple[str, bytes]:
    """The method and the body for the stored version: an applied configuration as one, another patch as its result."""
    patch_type = negotiation.patch_type(request.headers.get("content-type", ""))
    patch = bodies.patch(request, patch_type)
    if patch_type == "apply":
        return "PATCH", jsonbytes.dumps(version.stored(patch) if isinstance(patch, dict) else patch)
    old = store.get(version.kind.plural, _key(target))
    if old is None:
        raise not_found(target.kind, target.name)
    patched = patching.patched(version.kind, version.shown(old), patch_type, patch, None)
    try:
        checked, _ = strict.check(patched, version.kind, options.validation_of(request))
    except ApiError as refusal:
        raise patching.refused(patch_type, patch, patched, refusal) from None
    return "PUT", _as_stored(version, store, target, checked)


def _key(target: Target) -> str:
    return f"{target.namespace}/{target.name}"


def _shown(version: Version, request: Request, found: Answer, form: negotiation.Form) -> Answer:
    kind = version.kind
    if isinstance(found, WatchAnswer) and not form.what:
        encode = found.encode

        def line(type: str, obj: Object) -> bytes:
            if type == "BOOKMARK":
                return forms.event_line(type, {**obj, "apiVersion": kind.api_version})
            return encode(type, obj) if type == "ERROR" else forms.event_line(type, version.shown(obj))

        found.encode, found.is_plain = line, False
    elif isinstance(found, Response) and found.content_type == "application/json" and not form.what:
        told = jsonbytes.loads(found.body)
        if told.get("kind") == kind.name:
            return forms.encoded(request, version.shown(told), found.code, form)
        if told.get("kind") == kind.list_name:
            items = [
                {key: each for key, each in version.shown(obj).items() if key not in ("kind", "apiVersion")}
                for obj in told["items"]
            ]
            return forms.encoded(request, {**told, "apiVersion": kind.api_version, "items": items}, found.code, form)
    return found
