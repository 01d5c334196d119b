"""Requests for certificates, and the cluster's own authority that signs them.

By the package `cryptography`, which is loaded when the first request is to be looked at. What is signed follows from
the cluster's key and from what is asked, so the same history has the same certificates.
Source: RFC 2986 (PKCS #10), pkg/apis/certificates/helpers.go, pkg/controller/certificates/authority/policies.go.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from statelab.controlplane.p256 import Key

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.x509 import Certificate, CertificateSigningRequest, Name

AUTHORITY = "kubernetes"  # its common name
_NOT_HERE = "statelab: certificate requests cannot be read here: the package cryptography is not installed"
_NO_REQUEST = "PEM block type must be CERTIFICATE REQUEST"
_LONGEST = 64 * 1024
_BACKDATED_S = 300
_SHORT_S = 8 * 3600  # of a certificate that ends sooner, five minutes more or less matter
_AUTHORITY_DAYS = 3650
_LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
# The bits of KeyUsage in their order, and the usages that are extended ones.
_KEY_USAGES = (
    ("digital signature", "signing"), ("content commitment",), ("key encipherment",), ("data encipherment",),
    ("key agreement",), ("cert sign",), ("crl sign",), ("encipher only",), ("decipher only",),
)  # fmt: skip
_EXTENDED = {
    "any": "2.5.29.37.0", "server auth": "1.3.6.1.5.5.7.3.1", "client auth": "1.3.6.1.5.5.7.3.2",
    "code signing": "1.3.6.1.5.5.7.3.3", "email protection": "1.3.6.1.5.5.7.3.4", "s/mime": "1.3.6.1.5.5.7.3.4",
    "ipsec end system": "1.3.6.1.5.5.7.3.5", "ipsec tunnel": "1.3.6.1.5.5.7.3.6", "ipsec user": "1.3.6.1.5.5.7.3.7",
    "timestamping": "1.3.6.1.5.5.7.3.8", "ocsp signing": "1.3.6.1.5.5.7.3.9",
    "microsoft sgc": "1.3.6.1.4.1.311.10.3.3", "netscape sgc": "2.16.840.1.113730.4.1",
}  # fmt: skip
USAGES = tuple(sorted({*_EXTENDED, *(each for names in _KEY_USAGES for each in names)}))


@dataclass(frozen=True)
class Asked:
    """What a request asks for: whose certificate it would be."""

    common_name: str
    organizations: tuple[str, ...]
    dns_names: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    others: int = 0  # e-mail addresses and URIs
    parsed: Any = None  # the request itself


def read(pem: bytes) -> Asked | str:
    """A request in PEM, its signature checked; a text says what is wrong with it."""
    try:
        from cryptography import x509
    except ImportError:
        return _NOT_HERE
    if b"-----BEGIN CERTIFICATE REQUEST-----" not in pem or len(pem) > _LONGEST:
        return _NO_REQUEST
    try:
        parsed = x509.load_pem_x509_csr(pem)
        if not parsed.is_signature_valid:
            return "x509: ECDSA verification failure" if "EC" in type(parsed.public_key()).__name__ else _RSA_FAILURE
        return _asked(parsed)
    except (ValueError, TypeError, x509.UnsupportedGeneralNameType, x509.DuplicateExtension):
        return "asn1: structure error: the request cannot be parsed"
    except Exception as error:  # an algorithm that the package does not have has an exception of its own
        return f"x509: cannot verify signature: {type(error).__name__}"


_RSA_FAILURE = "crypto/rsa: verification error"


def _asked(parsed: CertificateSigningRequest) -> Asked:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    def named(oid: x509.ObjectIdentifier) -> tuple[str, ...]:
        return tuple(str(each.value) for each in parsed.subject.get_attributes_for_oid(oid))

    organizations, common_names = named(NameOID.ORGANIZATION_NAME), named(NameOID.COMMON_NAME)
    common_name = common_names[-1] if common_names else ""
    try:
        found = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return Asked(common_name, organizations, parsed=parsed)
    addresses = tuple(str(each) for each in found.get_values_for_type(x509.IPAddress))
    others = sum(len(found.get_values_for_type(each)) for each in (x509.RFC822Name, x509.UniformResourceIdentifier))
    dns_names = tuple(found.get_values_for_type(x509.DNSName))
    return Asked(common_name, organizations, dns_names, addresses, others, parsed)


def certificates_problem(pem: bytes) -> str:
    """What is wrong with certificates that somebody has signed; "" where nothing is."""
    try:
        from cryptography import x509
    except ImportError:
        return _NOT_HERE
    if not pem:
        return ""
    for line in pem.splitlines():
        if line.startswith(b"-----BEGIN ") and line.strip() != b"-----BEGIN CERTIFICATE-----":
            label = line.strip()[11:-5].decode("ascii", "replace")
            return f'only CERTIFICATE PEM blocks are allowed, found "{label}"'
    if b"-----BEGIN CERTIFICATE-----" not in pem:
        return "must contain at least one CERTIFICATE PEM block"
    try:
        x509.load_pem_x509_certificates(pem)
    except ValueError:
        return "x509: malformed certificate"
    return ""


class Authority:
    """The authority of one cluster, made when it first signs."""

    def __init__(self, key: Key) -> None:
        self._own = key

    @property
    def key(self) -> Key:
        return Key.of_seed(f"certificates/{self._own.secret:x}")

    @cached_property
    def _key(self) -> EllipticCurvePrivateKey:
        from cryptography.hazmat.primitives.asymmetric import ec

        return ec.derive_private_key(self.key.secret, ec.SECP256R1())

    @cached_property
    def _name(self) -> Name:
        from cryptography import x509
        from cryptography.x509.oid import NameOID

        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, AUTHORITY)])

    @cached_property
    def certificate(self) -> str:
        """The authority's own certificate, PEM."""
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes

        public = self._key.public_key()
        usage = x509.KeyUsage(True, False, True, False, False, True, False, False, False)
        made = (
            x509.CertificateBuilder()
            .issuer_name(self._name)
            .subject_name(self._name)
            .public_key(public)
            .serial_number(1)
            .not_valid_before(_LONG_AGO)
            .not_valid_after(_LONG_AGO + timedelta(days=_AUTHORITY_DAYS * 3))
            .add_extension(usage, critical=True)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .sign(self._key, hashes.SHA256(), ecdsa_deterministic=True)
        )
        return _pem(made)

    def sign(self, asked: Asked, usages: Sequence[str], lasts_s: float, now_s: float) -> str:
        """A certificate for what is asked, PEM; it begins five minutes ago, if it lasts long enough for that."""
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes

        request: CertificateSigningRequest = asked.parsed
        now = datetime.fromtimestamp(now_s, UTC)
        ends = now + timedelta(seconds=lasts_s - (_BACKDATED_S if lasts_s >= _SHORT_S else 0))
        digest = hashlib.sha256(f"{now_s}".encode() + request.tbs_certrequest_bytes).digest()
        own = self._key.public_key()
        builder = (
            x509.CertificateBuilder()
            .issuer_name(self._name)
            .subject_name(request.subject)
            .public_key(request.public_key())
            .serial_number(int.from_bytes(digest[:15], "big") + 2)
            .not_valid_before(now - timedelta(seconds=_BACKDATED_S))
            .not_valid_after(ends)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(own), critical=False)
        )
        bits = [any(name in usages for name in names) for names in _KEY_USAGES]
        if any(bits):
            agrees = bits[4]  # the last two bits say more about it, and nothing without it
            usage = x509.KeyUsage(
                bits[0], bits[1], bits[2], bits[3], agrees, bits[5], bits[6], bits[7] and agrees, bits[8] and agrees
            )
            builder = builder.add_extension(usage, critical=True)
        extended = list(dict.fromkeys(_EXTENDED[each] for each in usages if each in _EXTENDED))
        if extended:
            purposes = x509.ExtendedKeyUsage([x509.ObjectIdentifier(each) for each in extended])
            builder = builder.add_extension(purposes, critical=False)
        try:
            others = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            builder = builder.add_extension(others, critical=False)
        except x509.ExtensionNotFound:
            pass
        return _pem(builder.sign(self._key, hashes.SHA256(), ecdsa_deterministic=True))


def _pem(certificate: Certificate) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.PEM).decode()
