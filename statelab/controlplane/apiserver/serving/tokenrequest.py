"""TokenRequest: a token of a ServiceAccount, asked for at its subresource. What `kubectl create token` sends.

Source: pkg/registry/core/serviceaccount/storage/token.go, pkg/apis/authentication/validation.
"""

from __future__ import annotations

from typing import Any

from statelab.controlplane import errors
from statelab.controlplane.apiserver.authentication.tokens import AUDIENCES
from statelab.controlplane.apiserver.authorization.nodes import node_of
from statelab.controlplane.apiserver.encoding import bodies, negotiation
from statelab.controlplane.apiserver.encoding.go_json import go_quote
from statelab.controlplane.apiserver.encoding.request import Request, Response, Target
from statelab.controlplane.apiserver.registry import node_restriction
from statelab.controlplane.apiserver.registry.resources import ApiServer
from statelab.controlplane.apiserver.serving import forms, options
from statelab.controlplane.apiserver.validation.fields import invalid
from statelab.controlplane.clock import timestamp
from statelab.controlplane.kinds import KINDS, Kind, Object
from statelab.controlplane.store import Store

KIND = Kind("authentication.k8s.io", "v1", "TokenRequest", "tokenrequests")
_SHORTEST_S, _LONGEST_S, _DEFAULT_S = 600, 1 << 32, 3600
_PLURALS = {"Pod": "pods", "Secret": "secrets", "Node": "nodes"}


def answer(api: ApiServer, request: Request, target: Target, warnings: list[str]) -> Response:
    """The request that was posted, with its token. Raises ApiError 400, 404, 409, 422, or what a policy says."""
    form = negotiation.form_of(request.headers.get("accept", ""), forms.OBJECT_VIEWS)
    sent = bodies.of_definition(request, KIND.definition, KIND.name)
    account = api.read("serviceaccounts", target.namespace, target.name)
    spec: dict[str, Any] = sent.get("spec") or {}
    expires_in_s = spec.get("expirationSeconds")
    expires_in_s = _DEFAULT_S if expires_in_s is None else expires_in_s
    _check_metadata(sent.get("metadata") or {}, target)
    _check_expiry(expires_in_s, target.name)
    audiences = spec.get("audiences") or list(AUDIENCES)
    now_s, reference = api.loop.now_s, spec.get("boundObjectRef")
    bound, node = _bound(api.store, target, reference)
    if (asking := node_of(request.user)) is not None:
        node_restriction.check_token(asking, target.name, reference, api.store, target.namespace)
    if api.policies.active:
        about, kind = account["metadata"], (KIND.group, KIND.version, KIND.name)
        wanted = options.write_options(request, "CreateOptions", warnings)
        api.policies.ask(target.kind, "CREATE", sent, None, wanted, "token", about=about, object_kind=kind)
    token = api.tokens.issue(account, now_s, expires_in_s, audiences, bound_to=bound, node=node)
    until = {"token": token, "expirationTimestamp": timestamp(int(now_s) + expires_in_s)}
    metadata = {"name": target.name, "namespace": target.namespace, "creationTimestamp": timestamp(now_s)}
    asked = {"audiences": audiences, "expirationSeconds": expires_in_s, "boundObjectRef": reference}
    shown = {"kind": KIND.name, "apiVersion": KIND.api_version, "metadata": metadata, "spec": asked, "status": until}
    return forms.encoded(request, shown, 201, form)


def _check_metadata(metadata: Object, target: Target) -> None:
    if metadata.get("name") not in (None, "", target.name):
        raise errors.bad_request(
            f"the name of the object ({metadata['name']}) does not match the name on the URL ({target.name})"
        )
    if metadata.get("namespace") not in (None, "", target.namespace):
        raise errors.bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )


def _check_expiry(expires_in_s: int, name: str) -> None:
    why = ""
    if expires_in_s < _SHORTEST_S:
        why = "may not specify a duration less than 10 minutes"
    elif expires_in_s > _LONGEST_S:
        why = "may not specify a duration larger than 2^32 seconds"
    if why:
        raise errors.invalid(KIND, name, [invalid("spec.expirationSeconds", expires_in_s, why)])


def _bound(store: Store, target: Target, reference: Object | None) -> tuple[Object | None, Object | None]:
    """The Pod, Secret or Node a token is to be bound to, and the Pod's Node."""
    if reference is None:
        return None, None
    kind, name, version = (reference.get(key, "") for key in ("kind", "name", "apiVersion"))
    group = version.rpartition("/")[0]
    if group or kind not in _PLURALS:
        shown = f"{group}/{version.rpartition('/')[2]}, Kind={kind}"
        raise errors.bad_request(f"cannot bind token to object of type {shown}")
    plural = _PLURALS[kind]
    found = store.get(plural, name if kind == "Node" else f"{target.namespace}/{name}")
    if found is None:
        raise errors.not_found(KINDS[plural], name)
    if kind == "Pod" and found["spec"].get("serviceAccountName") != target.name:
        raise errors.bad_request(
            f"cannot bind token for serviceaccount {go_quote(target.name)} to pod running with serviceaccount "
            f"{go_quote(found['spec'].get('serviceAccountName', ''))}"
        )
    uid = found["metadata"]["uid"]
    if reference.get("uid") and reference["uid"] != uid:
        why = (
            f"the UID in the bound object reference ({reference['uid']}) does not match the UID in record. The object "
            "might have been deleted and then recreated"
        )
        raise errors.conflict(Kind(group, "v1", kind, kind), name, why)
    node = store.get("nodes", found["spec"].get("nodeName", "")) if kind == "Pod" else None
    return found, node
