"""What a client may ask about users: who am I, may I (or somebody) do this, what may I do, whose token is this.

`kubectl auth`, k9s and Lens ask before they show anything.
Source: pkg/registry/authorization, pkg/registry/authentication, pkg/apis/authorization/validation.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from statelab.controlplane.apiserver.authentication.tokens import AUDIENCES, Tokens
from statelab.controlplane.apiserver.authorization import nodes
from statelab.controlplane.apiserver.authorization.attributes import Attributes
from statelab.controlplane.apiserver.authorization.authorizer import Authorizer
from statelab.controlplane.apiserver.authorization.rbac import aggregate
from statelab.controlplane.apiserver.encoding import bodies, negotiation
from statelab.controlplane.apiserver.encoding.request import Request, Response
from statelab.controlplane.apiserver.registry.resources import ApiServer
from statelab.controlplane.apiserver.serving import forms
from statelab.controlplane.apiserver.validation.fields import forbidden, go_struct
from statelab.controlplane.apiserver.validation.fields import invalid as invalid_field
from statelab.controlplane.errors import FieldError, bad_request, invalid
from statelab.controlplane.kinds import REVIEWS, Kind, Object
from statelab.controlplane.users import User

Fields = dict[str, Any]
_PACKAGE = "io.k8s.api.authorization.v1."
_BOTH = "cannot be specified in combination with resourceAttributes"
_NO_BEARER = "invalid bearer token"
_NEITHER = "exactly one of nonResourceAttributes or resourceAttributes must be specified"


def kind_of(group_resource: str) -> Kind | None:
    """The review of that name ("selfsubjectreviews.authentication.k8s.io"), if it is one that is answered."""
    plural, _, group = group_resource.partition(".")
    kind = REVIEWS.get(plural)
    return kind if kind is not None and kind.group == group else None


def answer(api: ApiServer, request: Request, kind: Kind, namespace: str) -> Response:
    """The review that was posted, with its status. Raises ApiError 400, 415, 422."""
    form = negotiation.form_of(request.headers.get("accept", ""))  # there is no table of a review
    sent = bodies.of_definition(request, kind.definition, kind.name)
    metadata = {key: value for key, value in (sent.get("metadata") or {}).items() if value is not None}
    if kind.namespaced:
        if not namespace:
            raise bad_request("namespace is required on this type: localsubjectaccessreviews")
        metadata.setdefault("namespace", namespace)
    review: Object = {"kind": kind.name, "apiVersion": kind.api_version, "metadata": metadata}
    spec: Fields = sent.get("spec") or {}
    if "spec" in sent:
        review["spec"] = spec
    findings = list(_findings(kind, spec, namespace))
    if findings:
        raise invalid(kind, metadata.get("name", ""), findings)
    if kind.name == "SelfSubjectReview":
        review["status"] = {"userInfo": request.user.info()}
    elif kind.name == "SelfSubjectRulesReview":
        review["status"] = _rules(request.user, spec.get("namespace", ""), api.authorizer)
    elif kind.name == "TokenReview":
        review["status"] = _whose(spec, api.tokens, api.loop.now_s)
    else:
        user = request.user if kind.name.startswith("Self") else _user(spec)
        review["status"] = _may(user, spec, api.authorizer)
    return forms.encoded(request, review, 201, form)


# ---- what is asked for


def _findings(kind: Kind, spec: Fields, namespace: str) -> Iterator[FieldError]:
    if not kind.name.endswith("SubjectAccessReview"):
        return
    resource, other = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if resource is not None and other is not None:
        yield invalid_field("spec.nonResourceAttributes", go_struct(f"{_PACKAGE}NonResourceAttributes", other), _BOTH)
    if resource is None and other is None:
        yield invalid_field("spec.resourceAttributes", None, _NEITHER)
    if not kind.name.startswith("Self") and not spec.get("user") and not spec.get("groups"):
        yield invalid_field("spec.user", "", "at least one of user or group must be specified")
    if kind.namespaced:
        if resource is not None and resource.get("namespace", "") != namespace:
            yield invalid_field(
                "spec.resourceAttributes.namespace", resource.get("namespace", ""), "must match metadata.namespace"
            )
        if other is not None:
            yield forbidden("spec.nonResourceAttributes", "disallowed on this kind of request")


def _user(spec: Fields) -> User:
    extra = {key.lower(): tuple(values) for key, values in (spec.get("extra") or {}).items()}
    return User(spec.get("user", ""), tuple(spec.get("groups") or ()), spec.get("uid", ""), extra)


# ---- what is answered


def _may(user: User, spec: Fields, authorizer: Authorizer) -> Fields:
    about: Fields = spec.get("resourceAttributes") or {}
    if spec.get("resourceAttributes") is not None:
        words = (about.get(key, "") for key in ("verb", "group", "resource", "subresource", "namespace", "name"))
        asked = Attributes(*words)
    else:
        other: Fields = spec["nonResourceAttributes"]
        asked = Attributes(other.get("verb", ""), path=other.get("path", ""))
    decision = authorizer.authorize(user, asked)
    status: Fields = {"allowed": decision.allowed}
    return {**status, "reason": decision.reason} if decision.reason else status


def _rules(user: User, namespace: str, authorizer: Authorizer) -> Fields:
    if not namespace:
        raise bad_request("no namespace on request")
    found, errors = authorizer.rbac.rules_of(user, namespace)
    if nodes.node_of(user) is not None:
        errors = ["node authorizer does not support user rule resolution", *errors]
    keys = ("verbs", "apiGroups", "resources", "resourceNames")
    resources = [{key: rule[key] for key in keys if rule.get(key)} for rule in found if rule.get("resources")]
    paths = [{key: rule[key] for key in ("verbs", "nonResourceURLs")} for rule in found if rule.get("nonResourceURLs")]
    status: Fields = {"resourceRules": resources, "nonResourceRules": paths, "incomplete": bool(errors)}
    return {**status, "evaluationError": aggregate(errors)} if errors else status


def _whose(spec: Fields, tokens: Tokens, now_s: float) -> Fields:
    token = spec.get("token", "")
    if not token:
        raise bad_request("token is required for TokenReview in authentication")
    found = tokens.user(token, now_s, tuple(spec.get("audiences") or AUDIENCES))
    if isinstance(found, str):
        return {"user": {}, "error": f"[{_NO_BEARER}, {found}]" if found else _NO_BEARER}
    user, audiences = found
    return {"authenticated": True, "user": user.info(), "audiences": audiences}
