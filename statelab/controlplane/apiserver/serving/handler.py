"""HTTP as kube-apiserver speaks it, without sockets: a Request in, an Answer out.

The same handler serves sockets (http.py), the in-process client (client.py) and the official client without a socket.
Every refusal is a Status. Source: apiserver/pkg/endpoints (installer.go, handlers/*.go), pkg/server/routes.
"""

from __future__ import annotations

import hmac
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from statelab.controlplane import errors
from statelab.controlplane.apiserver.authentication import impersonation, jwt
from statelab.controlplane.apiserver.authorization import attributes
from statelab.controlplane.apiserver.encoding import bodies, negotiation
from statelab.controlplane.apiserver.encoding.request import (
    Answer,
    Request,
    Response,
    Target,
    Unserved,
    WatchAnswer,
    resolve,
    resolve_among,
)
from statelab.controlplane.apiserver.registry import listing, pod_verbs
from statelab.controlplane.apiserver.serving import (
    addresses,
    aggregation,
    connecting,
    forms,
    introspection,
    logs,
    node_proxy,
    nonresource,
    oldest,
    options,
    other_versions,
    proxy,
    reading,
    remote,
    reviews,
    tokenrequest,
)
from statelab.controlplane.apiserver.serving.fairness import Flows
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import KINDS, Kind, Object, key_of
from statelab.controlplane.users import ADMIN, ANONYMOUS, User

if TYPE_CHECKING:
    from statelab.controlplane.controlplane import ControlPlane

log = logging.getLogger(__name__)

_VERBS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
_ENDPOINTS_DEPRECATED = "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"
# Answered to everybody, as on a real cluster (ClusterRole system:public-info-viewer).
_PUBLIC = ("/healthz", "/livez", "/readyz", "/version")


class Handler:
    """Answers requests for one cluster. `token`: who sends it is the administrator.

    None: who sends none is, too (in process). `anonymous`: who sends none is nobody, who may little, instead of being
    sent away. A ServiceAccount's token makes the request the account's. `tells_flow`: answers say in their headers
    which FlowSchema they fell under.
    """

    def __init__(
        self, cluster: ControlPlane, token: str | None = None, *, anonymous: bool = False, tells_flow: bool = False
    ) -> None:
        self._anonymous = anonymous
        self._flows = Flows(cluster.store) if tells_flow else None
        self.cluster = cluster
        self.api = cluster.api
        self.store = cluster.store
        self._authorization = f"Bearer {token}".encode() if token is not None else None

    def handle(self, request: Request) -> Answer:
        """Never raises: what goes wrong is a Status."""
        warnings: list[str] = []
        flow: list[tuple[str, str]] = []
        try:
            answer = self._route(request, warnings, flow)
        except ApiError as error:
            answer = refusal(error)
        except RecursionError:
            answer = refusal(errors.bad_request("the object is nested too deeply"))
        except Exception as error:
            log.exception("%s %s failed", request.method, request.path)
            message = f"Internal error occurred: {type(error).__name__}: {error}"
            cause = {"causes": [{"message": f"{type(error).__name__}: {error}"}]}
            answer = refusal(ApiError(500, "InternalError", message, cause))
        if warnings and isinstance(answer, Response):
            answer.headers += [("Warning", warning_header(text)) for text in warnings]
        if flow and isinstance(answer, Response | WatchAnswer):
            answer.headers = [*answer.headers, *flow]
        return answer

    # ---- finding what is meant

    def _route(self, request: Request, warnings: list[str], flow: list[tuple[str, str]]) -> Answer:
        path = request.path
        if not path.startswith(_PUBLIC):
            user = self._user(request)
            if self._flows is not None:
                flow += self._flows.headers(user, request)
            if user is not ADMIN:
                request = Request(request.method, path, request.query, request.headers, request.body, user)
                asked = attributes.of(request.method, path, request.query)
                self.api.authorizer.check(user, asked)
        if request.method not in _VERBS:
            raise nonresource.method_not_allowed()
        if self.api.kinds.others and self.api.kinds.others.of_path(path) is not None:
            return aggregation.unavailable()
        if (version := other_versions.version_of(path)) is not None:
            return other_versions.answer(version, self.store, self._serve, request, warnings)
        return self._serve(request, warnings)

    def _serve(self, request: Request, warnings: list[str]) -> Answer:
        """The answer for somebody who may ask."""
        path = request.path
        if path.startswith(introspection.PREFIX):
            query = {name: values[0] for name, values in request.query.items() if values}
            return forms.json_response(introspection.answer(self.cluster, request.method, path, query))
        if "/proxy" in path:
            if self.api.policies.active:
                connecting.to_proxy(self.api, request, warnings)
            proxied = proxy.answer(self.cluster, request) or node_proxy.answer(self.cluster, request)
            if proxied is not None:
                return proxied
        target = resolve(path)
        if isinstance(target, Unserved) and self.api.kinds.custom:
            target = resolve_among(path, self.api.kinds.find)
        if target is None:
            return nonresource.answer(self.cluster, request)
        if isinstance(target, Unserved):
            if (unstored := self._unstored(request, target.group_resource, warnings)) is not None:
                return unstored
            if (review := reviews.kind_of(target.group_resource)) is not None:
                return self._review(request, review)
            asked = attributes.of(request.method, path, request.query)
            if asked.subresource and (custom := self.api.kinds.find(asked.group, path.split("/")[3], asked.resource)):
                raise errors.not_found(custom, asked.name)
            if nonresource.is_of_nobody(target.group_resource):
                return Response(404, b"404 page not found\n", "text/plain; charset=utf-8")
            raise nonresource.unserved(target.group_resource)
        if target.kind.custom is not None and target.kind.custom.warning:
            warnings.append(target.kind.custom.warning)
        if target.kind.plural == "endpoints":
            warnings.append(_ENDPOINTS_DEPRECATED)
        if target.kind.group == "networking.k8s.io" and request.method in ("PUT", "PATCH", "DELETE"):
            addresses.check_change(self.cluster, target, request.method)
        if target.subresource:
            return self._subresource(request, target, warnings)
        if target.name:
            return self._object(request, target, warnings)
        return self._collection(request, target, warnings)

    def _unstored(self, request: Request, resource: str, warnings: list[str]) -> Response | None:
        asked = attributes.of(request.method, request.path, request.query)
        if resource == "bindings" and request.method == "POST" and asked.namespace and not asked.name:
            body = bodies.of_definition(request, "io.k8s.api.core.v1.Binding", "Binding")
            name = (body.get("metadata") or {}).get("name", "")
            return self._bind(request, Target(KINDS["pods"], asked.namespace, name, "binding"), warnings)
        if resource == "componentstatuses" and request.method == "GET":
            warnings.append(oldest.DEPRECATED)
            return oldest.component_statuses(request, asked.name, self.cluster.loop.now_s)
        return None

    def _review(self, request: Request, kind: Kind) -> Response:
        if request.method != "POST":
            raise nonresource.method_not_allowed()
        namespace = attributes.of(request.method, request.path, request.query).namespace
        return reviews.answer(self.api, request, kind, namespace)

    # ---- who asks

    def _user(self, request: Request) -> User:
        """Who asks, or whom they act as. Raises ApiError 401, 403."""
        headers = request.headers
        user = request.presented or self._authenticated(headers.get("authorization", ""))
        if not any(each[0] in "iI" and each.lower().startswith("impersonate-") for each in headers):
            return user
        return impersonation.acting(user, headers, request.path, self.api.authorizer)

    def _authenticated(self, sent: str) -> User:
        if self._authorization is not None:
            if hmac.compare_digest(sent.encode("utf-8", "replace"), self._authorization):
                return ADMIN
        elif not self._anonymous and not jwt.is_one(sent.removeprefix("Bearer ")):
            return ADMIN
        if not sent.startswith("Bearer "):
            if self._anonymous:
                return ANONYMOUS
            raise ApiError(401, "Unauthorized", "Unauthorized")
        found = self.api.tokens.user(sent.removeprefix("Bearer ").strip(), self.cluster.loop.now_s)
        if isinstance(found, str):
            raise ApiError(401, "Unauthorized", "Unauthorized")
        return found[0]

    def _collection(self, request: Request, target: Target, warnings: list[str]) -> Answer:
        kind, method = target.kind, request.method
        if method in ("GET", "HEAD"):
            return reading.list_or_watch(self.cluster, request, target)
        if method == "POST" and (target.namespace or not kind.namespaced):
            return self._create(request, target, warnings)
        if method == "DELETE" and (target.namespace or not kind.namespaced) and kind.delete_collection:
            return self._delete_collection(request, target, warnings)
        raise nonresource.method_not_allowed()

    def _object(self, request: Request, target: Target, warnings: list[str]) -> Answer:
        method = request.method
        if target.watch_path:
            return reading.list_or_watch(self.cluster, request, target)
        if method in ("GET", "HEAD"):
            return self._get(request, target)
        if method == "PUT":
            return self._update(request, target, warnings)
        if method == "PATCH":
            return self._patch(request, target, warnings)
        if method == "DELETE":
            return self._delete(request, target, warnings)
        raise nonresource.method_not_allowed()

    def _subresource(self, request: Request, target: Target, warnings: list[str]) -> Answer:
        method, name = request.method, target.subresource
        if name in ("status", "scale", "finalize", "ephemeralcontainers", "resize", "approval"):
            if method in ("GET", "HEAD") and name != "finalize":
                return self._get(request, target)
            if method == "PUT":
                return self._update(request, target, warnings)
            if method == "PATCH" and name != "finalize":
                return self._patch(request, target, warnings)
        elif name == "log" and method in ("GET", "HEAD"):
            return logs.answer(self.cluster, request, target.namespace, target.name)
        elif name in ("exec", "attach", "portforward") and method in ("GET", "POST"):
            if method == "GET" and request.headers.get("upgrade", "").lower() == "websocket":
                asked = attributes.of(method, request.path, request.query)
                self.api.authorizer.check(request.user, replace(asked, verb="create"))  # to read is not enough
            if self.api.policies.active:
                connecting.to_pod(self.api, request, target, warnings)
            return remote.upgrade(self.cluster, request, target)
        elif name == "binding" and method == "POST":
            return self._bind(request, target, warnings)
        elif name == "eviction" and method == "POST":
            return self._evict(request, target, warnings)
        elif name == "token" and method == "POST":
            return tokenrequest.answer(self.api, request, target, warnings)
        raise nonresource.method_not_allowed()

    # ---- reading

    def _get(self, request: Request, target: Target) -> Response:
        form = negotiation.form_of(request.headers.get("accept", ""), forms.OBJECT_VIEWS)
        version = request.first("resourceVersion")
        if version not in ("", "0"):
            listing.check_not_future(self.store, listing.parse_resource_version(version))
        held = reading.held_one(self.cluster, target)
        if held is not None:
            return self._shown(request, target.kind, held, 200, form)
        obj = self.api.read(target.kind.plural, target.namespace, target.name, target.subresource or None)
        stored, obj = obj, forms.in_version(target.kind, obj)
        if form is negotiation.JSON and obj is stored and target.subresource != "scale" and not request.first("pretty"):
            return Response(200, self.store.encoded(obj))
        return self._shown(request, target.kind, obj, 200, form)

    # ---- writing

    def _create(self, request: Request, target: Target, warnings: list[str]) -> Response:
        form = negotiation.form_of(request.headers.get("accept", ""), forms.OBJECT_VIEWS)
        wanted = options.write_options(request, "CreateOptions", warnings)
        body = bodies.obj(request, target.kind, wanted.field_validation, warnings)
        if target.kind.custom is not None:
            self._check_kind_lives(target.kind)
            body = self._as_stored(target.kind, body)
        if target.kind.group == "networking.k8s.io":
            addresses.check_create(self.cluster, target.kind.plural, str((body.get("metadata") or {}).get("name", "")))
        created = self.api.create(target.kind.plural, target.namespace, body, wanted)
        return self._shown(request, target.kind, created, 201, form, stored=not wanted.dry_run)

    def _check_kind_lives(self, kind: Kind) -> None:
        definition = self.store.get("customresourcedefinitions", kind.plural)
        if definition is not None and definition["metadata"].get("deletionTimestamp"):
            message = "create not allowed while custom resource definition is terminating"
            raise ApiError(405, "MethodNotAllowed", message, {"group": kind.group, "kind": kind.resource})

    def _as_stored(self, kind: Kind, body: Object) -> Object:
        """What was sent, in the version that is stored, where a webhook has to make that."""
        if not _is_converted(kind):
            return body
        body.setdefault("metadata", {})
        made: Object = kind.custom.converted(body, self.api.kinds[kind.plural].api_version)
        return made

    def _update(self, request: Request, target: Target, warnings: list[str]) -> Response:
        kind = target.kind
        form = negotiation.form_of(request.headers.get("accept", ""), forms.OBJECT_VIEWS)
        wanted = options.write_options(request, "UpdateOptions", warnings)
        if target.subresource == "scale":
            body = bodies.of_definition(request, "io.k8s.api.autoscaling.v1.Scale", "Scale")
        else:
            body = self._as_stored(kind, bodies.obj(request, kind, wanted.field_validation, warnings))
        _check_name(body, target)
        is_new = self.store.get(kind.plural, _key(target)) is None
        if is_new and kind.created_by_update and request.user is not ADMIN:
            self._check_may_create(request, target)
        updated = self.api.update(kind.plural, body, wanted, target.subresource or None)
        return self._shown(request, kind, updated, 201 if is_new else 200, form, stored=not wanted.dry_run)

    def _patch(self, request: Request, target: Target, warnings: list[str]) -> Response:
        kind = target.kind
        form = negotiation.form_of(request.headers.get("accept", ""), forms.OBJECT_VIEWS)
        patch_type = negotiation.patch_type(request.headers.get("content-type", ""), custom=kind.custom is not None)
        wanted = options.write_options(request, "PatchOptions", warnings, is_apply=patch_type == "apply")
        body = bodies.patch(request, patch_type)
        if patch_type == "apply" and request.user is not ADMIN:
            self._check_may_create(request, target)
        patched, is_new = self.api.patch(
            kind.plural,
            target.namespace,
            target.name,
            patch_type,
            body,
            wanted,
            target.subresource or None,
            kind if _is_converted(kind) else None,
        )
        return self._shown(request, kind, patched, 201 if is_new else 200, form, stored=not wanted.dry_run)

    def _check_may_create(self, request: Request, target: Target) -> None:
        """Who applies or replaces what is not there creates it, and must be one who may."""
        kind = target.kind
        if self.store.get(kind.plural, _key(target)) is None and not target.subresource:
            where = {"namespace": target.namespace, "name": target.name}
            asked = attributes.Attributes("create", kind.group, kind.plural, **where)
            self.api.authorizer.check(request.user, asked)

    def _delete(self, request: Request, target: Target, warnings: list[str]) -> Response:
        form = negotiation.form_of(request.headers.get("accept", ""), forms.OBJECT_VIEWS)
        asked, wanted = options.delete_options(request, bodies.delete_options(request), warnings)
        shown, is_gone = self.api.delete(target.kind.plural, target.namespace, target.name, asked, wanted)
        code = 200
        if not is_gone and asked.get("orphanDependents") is False:  # the old form only, not propagationPolicy
            code = 202
        return self._shown(request, target.kind, shown, code, form, stored=False)

    def _delete_collection(self, request: Request, target: Target, warnings: list[str]) -> Response:
        """The list as it was, then each of it deleted. Source: registry/store.go DeleteCollection."""
        kind = target.kind
        form = negotiation.form_of(request.headers.get("accept", ""), forms.LIST_VIEWS)
        asked = options.list_options(request, kind)
        wanted_options, wanted = options.delete_options(request, bodies.delete_options(request), warnings)
        page = listing.page(self.store, kind.plural, target.namespace, asked.matches, limit=max(0, asked.limit))
        for obj in page.items:
            namespace = obj["metadata"].get("namespace", "")
            try:
                self.api.delete(kind.plural, namespace, obj["metadata"]["name"], wanted_options, wanted)
            except ApiError as error:
                if error.code not in (404, 409):
                    raise
        return forms.of_list(request, kind, page, form, self.cluster.loop.now_s)

    # ---- subresources of Pods

    def _bind(self, request: Request, target: Target, warnings: list[str]) -> Response:
        wanted = options.write_options(request, "CreateOptions", warnings)
        body = bodies.of_definition(request, "io.k8s.api.core.v1.Binding", "Binding")
        node = (body.get("target") or {}).get("name", "")
        if not node:
            finding = errors.FieldError("target.name", "FieldValueRequired", "Required value")
            raise errors.invalid(Kind("", "v1", "Binding", "bindings"), target.name, [finding])
        uid = (body.get("metadata") or {}).get("uid")
        pod_verbs.bind(self.api, target.namespace, target.name, node, wanted, uid=uid)
        status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}
        return forms.json_response(status, 201)

    def _evict(self, request: Request, target: Target, warnings: list[str]) -> Response:
        wanted = options.write_options(request, "CreateOptions", warnings)
        body = bodies.of_definition(request, "io.k8s.api.policy.v1.Eviction", "Eviction")
        name = (body.get("metadata") or {}).get("name") or target.name
        if name != target.name:
            raise errors.bad_request("name in URL does not match name in Eviction object")
        return forms.json_response(self.api.evict(target.namespace, target.name, body, wanted), 201)

    # ---- showing

    def _shown(
        self, request: Request, kind: Kind, obj: Object, code: int, form: negotiation.Form, *, stored: bool = False
    ) -> Response:
        """`stored`: the object is the store's own, so its JSON may be remembered."""
        obj = forms.in_version(kind, obj)
        if form is negotiation.JSON and not request.first("pretty"):
            if stored and obj["kind"] == kind.name and self.store.get(kind.plural, key_of(obj)) is obj:
                return Response(code, self.store.encoded(obj))
            return forms.json_response(obj, code)
        return forms.of_object(request, kind, obj, code, form, self.cluster.loop.now_s)


def _is_converted(kind: Kind) -> bool:
    """Whether a webhook stands between this version of a custom kind and what is stored."""
    return kind.custom is not None and kind.custom.webhook is not None and kind.version != kind.custom.stored


def refusal(error: ApiError) -> Response:
    response = forms.json_response(error.status(), error.code)
    retry_after_s = error.details.get("retryAfterSeconds")
    if retry_after_s:
        response.headers.append(("Retry-After", str(retry_after_s)))
    return response


def warning_header(text: str) -> str:
    """RFC 7234's Warning with code 299. Source: apimachinery/pkg/util/net/http.go NewWarningHeader."""
    clean = "".join(char if char.isprintable() or char == " " else " " for char in text)
    return '299 - "' + clean.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _key(target: Target) -> str:
    return f"{target.namespace}/{target.name}" if target.namespace else target.name


def _check_name(body: Object, target: Target) -> None:
    """Source: handlers/update.go, rest.go checkName."""
    metadata: Any = body.setdefault("metadata", {})
    name, namespace = metadata.get("name", ""), metadata.get("namespace")
    if target.namespace and namespace and namespace != target.namespace:
        raise errors.bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    if not name:
        raise errors.bad_request(
            f"the name of the object ({target.name} based on URL) was undeterminable: name must be provided"
        )
    if name != target.name:
        raise errors.bad_request(f"the name of the object ({name}) does not match the name on the URL ({target.name})")
    if target.namespace:
        metadata["namespace"] = target.namespace
