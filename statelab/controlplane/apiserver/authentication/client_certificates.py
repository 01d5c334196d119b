"""Who a client is by the certificate that it showed: one that the cluster's authority signed.

OpenSSL has checked who signed it, and that it is for clients; whether it is good now is a question to the cluster's
clock. Source: apiserver/pkg/authentication/request/x509 (x509.go, CommonNameUserConversion).
"""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Mapping
from typing import Any

from statelab.controlplane.users import AUTHENTICATED, User

_ID = "authentication.kubernetes.io/credential-id"


def user_of(shown: Mapping[str, Any], der: bytes, now_s: float) -> User | None:
    """The user that a certificate names, as `ssl.SSLSocket.getpeercert` tells of it; None where it is good for none."""
    try:
        begins_s, ends_s = (ssl.cert_time_to_seconds(shown[key]) for key in ("notBefore", "notAfter"))
    except (KeyError, ValueError):
        return None
    subject = [pair for part in shown.get("subject") or () for pair in part]
    names = [value for key, value in subject if key == "commonName"]
    if not names or not begins_s <= now_s <= ends_s:
        return None
    groups = tuple(value for key, value in subject if key == "organizationName")
    extra = {_ID: (f"X509SHA256={hashlib.sha256(der).hexdigest()}",)}
    return User(names[-1], (*groups, AUTHENTICATED) if AUTHENTICATED not in groups else groups, extra=extra)
