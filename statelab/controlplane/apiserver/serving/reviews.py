"""What a client may ask about itself: who am I, may I do this, what may I do.

The answer is always the same and true: there is one user, whose token opens everything. `kubectl auth`, k9s and Lens
ask before they show anything. Source: pkg/registry/authorization, pkg/registry/authentication.
"""

from __future__ import annotations

from typing import Any

from statelab.controlplane.apiserver.encoding import bodies, negotiation
from statelab.controlplane.apiserver.encoding.request import Request, Response
from statelab.controlplane.apiserver.serving import forms
from statelab.controlplane.errors import FieldError, invalid
from statelab.controlplane.kinds import REVIEWS, Kind, Object

_REASON = "StateLab simulates no permissions: its token opens everything"
_EVERYTHING: Object = {
    "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
    "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
    "incomplete": False,
}
_USER: Object = {"userInfo": {"username": "statelab", "groups": ["system:masters", "system:authenticated"]}}


def kind_of(group_resource: str) -> Kind | None:
    """The review of that name ("selfsubjectreviews.authentication.k8s.io"), if it is one that is answered."""
    plural, _, group = group_resource.partition(".")
    kind = REVIEWS.get(plural)
    return kind if kind is not None and kind.group == group else None


def answer(request: Request, kind: Kind) -> Response:
    """The review that was posted, with its status. Raises ApiError 400, 415, 422."""
    form = negotiation.form_of(request.headers.get("accept", ""), forms.OBJECT_VIEWS)
    review = bodies.of_definition(request, kind.definition, kind.name)
    review |= {"apiVersion": kind.api_version, "kind": kind.name, "metadata": review.get("metadata") or {}}
    findings = list(_findings(kind, review.get("spec") or {}))
    if findings:
        raise invalid(kind, "", findings)
    if kind.name == "SelfSubjectAccessReview":
        review["status"] = {"allowed": True, "reason": _REASON}
    else:
        review["status"] = _EVERYTHING if kind.name == "SelfSubjectRulesReview" else _USER
    return forms.encoded(request, review, 201, form)


def _findings(kind: Kind, spec: dict[str, Any]) -> list[FieldError]:
    """Source: pkg/apis/authorization/validation, pkg/registry/authorization/selfsubjectrulesreview."""
    if kind.name == "SelfSubjectAccessReview":
        asked = [name for name in ("resourceAttributes", "nonResourceAttributes") if spec.get(name) is not None]
        if len(asked) == 2:
            why = "Invalid value: cannot be specified in combination with resourceAttributes"
            return [FieldError("spec.nonResourceAttributes", "FieldValueInvalid", why)]
        if not asked:
            why = "Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified"
            return [FieldError("spec.resourceAttributes", "FieldValueInvalid", why)]
    return []
