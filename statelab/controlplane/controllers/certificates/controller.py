"""The signers of kubernetes.io, and what takes old requests away.

Source: pkg/controller/certificates/signer/signer.go, pkg/controller/certificates/cleaner/cleaner.go,
pkg/apis/certificates/helpers.go (what a kubelet's request must be).
"""

from __future__ import annotations

import base64
from collections.abc import Iterable

from statelab.controlplane import signing
from statelab.controlplane.apiserver.validation.certificates import APPROVED, DENIED, FAILED, decoded
from statelab.controlplane.clock import seconds, timestamp
from statelab.controlplane.kinds import Object
from statelab.controlplane.manager import Controller
from statelab.controlplane.store import Revision
from statelab.controlplane.view import View

_PLURAL = "certificatesigningrequests"
CLIENT, KUBELET_CLIENT, KUBELET_SERVING = (
    "kubernetes.io/kube-apiserver-client", "kubernetes.io/kube-apiserver-client-kubelet",
    "kubernetes.io/kubelet-serving",
)  # fmt: skip
_LASTS_S = 365 * 86400  # --cluster-signing-duration
_SHORTEST_S = 600
_KEPT_S = {APPROVED: 3600, DENIED: 3600, FAILED: 3600, "": 24 * 3600}
_NODES, _NODE = "system:nodes", "system:node:"


def _own(revision: Revision, view: View) -> Iterable[str]:
    return (revision.key,) if revision.type != "DELETED" else ()


def _condition(obj: Object, kind: str) -> Object | None:
    conditions = (obj.get("status") or {}).get("conditions") or ()
    return next((each for each in conditions if each.get("type") == kind), None)


def sign(name: str, view: View) -> None:
    """Sign what was approved and is for a signer that is built in; say why not, where it cannot be."""
    obj = view.get(_PLURAL, name)
    if obj is None or _condition(obj, APPROVED) is None or _condition(obj, FAILED) is not None:
        return
    spec, status = obj["spec"], obj.get("status") or {}
    if status.get("certificate") or spec.get("signerName") not in (CLIENT, KUBELET_CLIENT, KUBELET_SERVING):
        return
    asked = signing.read(decoded(spec.get("request", "")))
    if isinstance(asked, str):
        return
    problem = _problem(asked, spec["usages"], spec["signerName"])
    if problem:
        now = timestamp(view.now_s)
        failed = {
            "type": FAILED, "status": "True", "reason": "SignerValidationFailure", "message": problem,
            "lastUpdateTime": now, "lastTransitionTime": now,
        }  # fmt: skip
        changed = {**status, "conditions": [*(status.get("conditions") or ()), failed]}
        view.update_status(_PLURAL, {**obj, "status": changed}, why=f"its signer does not sign it: {problem}")
        return
    lasts_s = max(_SHORTEST_S, min(spec.get("expirationSeconds") or _LASTS_S, _LASTS_S))
    made = view.authority.sign(asked, spec["usages"], lasts_s, view.now_s)
    certificate = base64.b64encode(made.encode()).decode()
    changed = {**status, "certificate": certificate}
    view.update_status(_PLURAL, {**obj, "status": changed}, why="it was approved, and its signer is built in")


def _problem(asked: signing.Asked, usages: list[str], signer: str) -> str:
    """Why a signer does not sign; "" where it does."""
    if signer == CLIENT:
        for usage in usages:
            if usage not in ("digital signature", "key encipherment", "client auth"):
                return f"invalid usage for client certificate: {usage}"
        return "" if "client auth" in usages else "missing required usage for client certificate: client auth"
    if asked.organizations != (_NODES,):
        return "subject organization is not system:nodes"
    purpose = "client auth" if signer == KUBELET_CLIENT else "server auth"
    if signer == KUBELET_CLIENT:
        for names, words in (
            (asked.dns_names, "DNS subjectAltNames are not allowed"),
            (asked.addresses, "IP subjectAltNames are not allowed"),
            (asked.others, "email and URI subjectAltNames are not allowed"),
        ):
            if names:
                return words
    elif not asked.dns_names and not asked.addresses:
        return "at least one DNS or IP subjectAltName is required"
    elif asked.others:
        return "email and URI subjectAltNames are not allowed"
    if not asked.common_name.startswith(_NODE):
        return "subject common name does not begin with system:node: "
    allowed = ({"digital signature", purpose}, {"digital signature", "key encipherment", purpose})
    if set(usages) not in allowed:
        return f"usages did not match [digital signature key encipherment {purpose}]"
    return ""


def clean(name: str, view: View) -> float | None:
    """Take away what was decided an hour ago, and what nobody has decided for a day."""
    obj = view.get(_PLURAL, name)
    if obj is None:
        return None
    decided = next((each for each in (APPROVED, DENIED, FAILED) if _condition(obj, each) is not None), "")
    condition = _condition(obj, decided) if decided else None
    since = (condition or {}).get("lastUpdateTime") or obj["metadata"]["creationTimestamp"]
    left_s = seconds(since) + _KEPT_S[decided] - view.now_s
    if left_s > 0:
        return left_s
    view.delete(_PLURAL, obj, why="nobody needs it any more")
    return None


SIGNER = Controller("certificate-controller", sign, {_PLURAL: _own})
CLEANER = Controller("certificate-cleaner", clean, {_PLURAL: _own}, is_timer=True)
