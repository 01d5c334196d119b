"""CertificateSigningRequests: rows of a table. Source: pkg/printers/internalversion/printers.go."""

from __future__ import annotations

from typing import Any

from statelab.controlplane.apiserver.printing.cells import (
    NAME,
    Printer,
    Since,
    age,
    human_duration,
    name,
    part,
)
from statelab.controlplane.kinds import Object

_SPEC = "io.k8s.api.certificates.v1.CertificateSigningRequestSpec#"
_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta#creationTimestamp"
_NONE = "<none>"


def _request(obj: Object, since: Since) -> list[Any]:
    spec, lasts_s = part(obj, "spec"), part(obj, "spec").get("expirationSeconds")
    duration = human_duration(lasts_s) if lasts_s is not None else _NONE
    who = spec.get("username", "")
    return [name(obj), age(obj, since), spec.get("signerName") or _NONE, who, duration, _state(obj)]


def _state(obj: Object) -> str:
    """Source: extractCSRStatus."""
    status = part(obj, "status")
    kinds = [each.get("type") for each in status.get("conditions") or ()]
    state = "Denied" if "Denied" in kinds else "Approved" if "Approved" in kinds else "Pending"
    if "Failed" in kinds:
        state += ",Failed"
    return state + (",Issued" if status.get("certificate") else "")


PRINTERS = {
    "certificatesigningrequests": Printer(
        (
            NAME,
            ("Age", "string", 0, _META),
            ("SignerName", "string", 0, _SPEC + "signerName"),
            ("Requestor", "string", 0, _SPEC + "request"),
            ("RequestedDuration", "string", 0, _SPEC + "expirationSeconds"),
            ("Condition", "string", 0, "io.k8s.api.certificates.v1.CertificateSigningRequestStatus#conditions"),
        ),
        _request,
    ),
}
