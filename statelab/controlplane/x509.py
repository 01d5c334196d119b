"""Whether a server's certificate is good for a name, as a Go client would say it.

By the package `cryptography`, which is loaded when the first certificate is to be looked at.
Source: Go's crypto/x509 (verify.go), crypto/tls (handshake_client.go).
"""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

_NOT_HERE = "statelab: certificates cannot be checked here: the package cryptography is not installed"
_UNKNOWN = "x509: certificate signed by unknown authority"
_MOST = 100


def problem(chain: str, bundle: str, name: str, now_s: float) -> str:
    """What is wrong with the certificate a server shows (PEM, its own first); "" where nothing is.

    `bundle`: the authorities that are trusted, PEM. `name`: what the server was called. `now_s`: the cluster's time.
    """
    try:
        from cryptography import x509
    except ImportError:
        return _NOT_HERE
    try:
        shown = x509.load_pem_x509_certificates(chain.encode())[:_MOST]
    except ValueError:
        return "tls: failed to parse certificate from server"
    try:
        trusted = x509.load_pem_x509_certificates(bundle.encode())[:_MOST]
    except ValueError:
        trusted = []
    return _of_time(shown[0], now_s) or _of_name(shown[0], name) or _of_authority(shown, trusted, now_s)


def _of_time(certificate: Certificate, now_s: float) -> str:
    now = datetime.fromtimestamp(now_s, UTC)
    words = f"x509: certificate has expired or is not yet valid: current time {now:%Y-%m-%dT%H:%M:%SZ} is "
    if now < certificate.not_valid_before_utc:
        return f"{words}before {certificate.not_valid_before_utc:%Y-%m-%dT%H:%M:%SZ}"
    if now > certificate.not_valid_after_utc:
        return f"{words}after {certificate.not_valid_after_utc:%Y-%m-%dT%H:%M:%SZ}"
    return ""


def _of_name(certificate: Certificate, name: str) -> str:
    from cryptography import x509

    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return "x509: certificate relies on legacy Common Name field, use SANs instead"
    names = found.get_values_for_type(x509.DNSName)
    addresses = [str(each) for each in found.get_values_for_type(x509.IPAddress)]
    if _is_address(name):
        return "" if name in addresses else f"x509: certificate is valid for {', '.join(addresses)}, not {name}"
    if any(_fits(each.lower(), name.lower()) for each in names):
        return ""
    if not names:
        return f"x509: certificate is not valid for any names, but wanted to match {name}"
    return f"x509: certificate is valid for {', '.join(names)}, not {name}"


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _fits(pattern: str, name: str) -> bool:
    """A star stands for the first part of a name, and for no other."""
    first, dot, rest = pattern.partition(".")
    return pattern == name or (first == "*" and bool(dot) and name.partition(".")[2] == rest)


def _of_authority(shown: list[Certificate], trusted: list[Certificate], now_s: float) -> str:
    """From the server's own up through those it shows beside it, to one that is trusted."""
    at, left = shown[0], shown[1:]
    for _ in range(len(shown)):
        if any(at == each or (_signed(at, each) and not _of_time(each, now_s)) for each in trusted):
            return ""
        above = next((each for each in left if _signed(at, each)), None)
        if above is None:
            return _UNKNOWN
        left.remove(above)
        at = above
    return _UNKNOWN


def _signed(certificate: Certificate, authority: Certificate) -> bool:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature

    try:
        certificate.verify_directly_issued_by(authority)
        constraints = authority.extensions.get_extension_for_class(x509.BasicConstraints).value
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False
    return bool(constraints.ca)


def is_pair(chain: str, key: str) -> str:
    """What is wrong with a certificate and its private key (both PEM); "" where they belong together."""
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
    except ImportError:
        return _NOT_HERE
    try:
        public = x509.load_pem_x509_certificate(chain.encode()).public_key()
    except ValueError:
        return "tls: failed to find any PEM data in certificate input"
    try:
        own = load_pem_private_key(key.encode(), None).public_key()
    except (ValueError, TypeError):
        return "tls: failed to find any PEM data in key input"
    return "" if own == public else "tls: private key does not match public key"
