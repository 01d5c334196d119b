"""An authority, and certificates that it signs: what a test of webhooks sets up before its server."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Issued:
    """PEM texts: the authority's certificate, the server's own, and the server's private key."""

    authority: str
    certificate: str
    key: str


def issue(*names: str, at_s: float, days: int = 365) -> Issued:
    """A certificate for these names, good for so many days around a moment, by an authority of its own."""
    now = datetime.fromtimestamp(at_s, UTC)
    authority_key, server_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "e2e-server-cert-ca")])
    constraints = x509.BasicConstraints(ca=True, path_length=None)
    authority = (
        _builder(authority_name, authority_name, authority_key, now, days)
        .add_extension(constraints, critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0] if names else "nobody")])
    server = _builder(authority_name, subject, server_key, now, days)
    if names:
        others = x509.SubjectAlternativeName([x509.DNSName(each) for each in names])
        server = server.add_extension(others, critical=False)
    encoding = serialization.Encoding.PEM
    private = server_key.private_bytes(
        encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    signed = server.sign(authority_key, hashes.SHA256())
    return Issued(authority.public_bytes(encoding).decode(), signed.public_bytes(encoding).decode(), private)


def new_key() -> tuple[ec.EllipticCurvePrivateKey, str]:
    """A private key, and its PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key, key.private_bytes(serialization.Encoding.PEM, *form).decode()


def request(
    common_name: str,
    *organizations: str,
    names: tuple[str, ...] = (),
    key: ec.EllipticCurvePrivateKey | None = None,
) -> str:
    """A request for a certificate, PEM."""
    key = key or new_key()[0]
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    attributes += [x509.NameAttribute(NameOID.ORGANIZATION_NAME, each) for each in organizations]
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(attributes))
    if names:
        others = x509.SubjectAlternativeName([x509.DNSName(each) for each in names])
        builder = builder.add_extension(others, critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def _builder(
    issuer: x509.Name, subject: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .issuer_name(issuer)
        .subject_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=days))
        .not_valid_after(now + timedelta(days=days))
    )
