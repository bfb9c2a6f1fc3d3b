"""An authority of the tests' own and what it certifies: a server's good certificate, one that has ended, one for another name."""

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Kind = Literal["valid", "expired", "other_name"]
_LASTS = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Certificate:
    """Files in PEM: what a client trusts, and what a server shows for localhost and its address (or, on request, wrongly)."""

    ca: Path
    certificate: Path
    key: Path


def certify(
    folder: Path, kind: Kind = "valid", now: Callable[[], datetime] = lambda: datetime.now(UTC), *, address: str = "127.0.0.1"
) -> Certificate:
    """Writes both into the folder. `address`: the server's."""
    folder.mkdir(parents=True, exist_ok=True)
    at = now()
    authority = ec.generate_private_key(ec.SECP256R1())
    issuer = _named("The authority of the tests")
    ca = _begun(issuer, issuer, authority, at - timedelta(days=400), at + _LASTS)
    ca = ca.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    ca = ca.add_extension(_usage(signs_certificates=True), critical=True)
    ca = ca.add_extension(x509.SubjectKeyIdentifier.from_public_key(authority.public_key()), critical=False)
    key = ec.generate_private_key(ec.SECP256R1())
    ends = at - timedelta(days=3) if kind == "expired" else at + _LASTS
    names: list[x509.GeneralName] = [x509.DNSName("elsewhere.example")]
    if kind != "other_name":
        names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address(address))]
    server = _begun(_named("A server of the tests"), issuer, key, ends - timedelta(days=90), ends)
    server = server.add_extension(x509.SubjectAlternativeName(names), critical=False)
    server = server.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    server = server.add_extension(_usage(signs_certificates=False), critical=True)
    server = server.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    server = server.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()), critical=False)
    made = Certificate(folder / "ca.pem", folder / "server.pem", folder / "server.key")
    made.ca.write_bytes(ca.sign(authority, hashes.SHA256()).public_bytes(Encoding.PEM))
    made.certificate.write_bytes(server.sign(authority, hashes.SHA256()).public_bytes(Encoding.PEM))
    made.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    made.key.chmod(0o600)
    return made


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _begun(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, begins: datetime, ends: datetime
) -> x509.CertificateBuilder:
    made = x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
    return made.not_valid_before(begins).not_valid_after(ends)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
