"""What the server does with CertificateSigningRequests beside what it does with all kinds: who asks, who may decide.

Source: pkg/registry/certificates/certificates/strategy.go, plugin/pkg/admission/certificates.
"""

from __future__ import annotations

from statelab.controlplane import signing
from statelab.controlplane.apiserver.authorization.attributes import Attributes
from statelab.controlplane.apiserver.authorization.authorizer import Authorizer
from statelab.controlplane.apiserver.encoding.go_json import go_quote
from statelab.controlplane.apiserver.validation.certificates import FAILED, decoded
from statelab.controlplane.errors import forbidden
from statelab.controlplane.kinds import KINDS, Object
from statelab.controlplane.users import MASTERS, User

PLURAL = "certificatesigningrequests"
_CLIENT = "kubernetes.io/kube-apiserver-client"


def of_user(obj: Object, user: User) -> None:
    """A request says who has made it, whatever it said itself; what else is known of an account is left out."""
    spec = obj.setdefault("spec", {})
    for key in ("username", "uid", "groups", "extra"):
        spec.pop(key, None)
    spec |= {"username": user.name, "groups": list(user.groups)}
    if user.uid:
        spec["uid"] = user.uid


def check_subject(obj: Object) -> None:
    """CertificateSubjectRestriction: nobody becomes a master by a certificate. Raises ApiError 403."""
    spec = obj.get("spec") or {}
    if spec.get("signerName") != _CLIENT:
        return
    asked = signing.read(decoded(spec.get("request", "")))
    if not isinstance(asked, str) and MASTERS in asked.organizations:
        why = f"use of {_CLIENT} signer with {MASTERS} group is not allowed"
        raise forbidden(KINDS[PLURAL], obj["metadata"].get("name", ""), why)


def approved(obj: Object, old: Object) -> Object:
    """What an approval changes: the conditions, and nothing else."""
    conditions = (obj.get("status") or {}).get("conditions")
    status = {key: value for key, value in (old.get("status") or {}).items() if key != "conditions"}
    if conditions:
        status["conditions"] = conditions
    return {**obj, "spec": old["spec"], "status": status}


def stamp(obj: Object, now: str) -> None:
    """Conditions say since when, where nobody has said it."""
    for condition in (obj.get("status") or {}).get("conditions") or ():
        for key in ("lastTransitionTime", "lastUpdateTime"):
            if not condition.get(key):
                condition[key] = now


def check_signer(authorizer: Authorizer, user: User, verb: str, obj: Object, old: Object) -> None:
    """CertificateApproval and CertificateSigning: who may `approve` or `sign` for a signer. Raises ApiError 403."""
    if verb == "sign" and not _signs(obj, old):
        return
    name = str(old["spec"].get("signerName") or "")
    everyone = f"{name.partition('/')[0]}/*"
    for each in (name, everyone):
        asked = Attributes(verb, "certificates.k8s.io", "signers", name=each)
        if authorizer.authorize(user, asked).allowed:
            return
    why = f"user not permitted to {verb} requests with signerName {go_quote(name)}"
    raise forbidden(KINDS[PLURAL], old["metadata"]["name"], why)


def _signs(obj: Object, old: Object) -> bool:
    new, before = (each.get("status") or {} for each in (obj, old))
    has_failed = [any(each.get("type") == FAILED for each in one.get("conditions") or ()) for one in (new, before)]
    return new.get("certificate") != before.get("certificate") or has_failed[0] != has_failed[1]
