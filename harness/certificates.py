"""An authority of the stack's own, for clients that speak nothing but HTTPS.

Its key signs the one certificate of the workspace and is then forgotten: who trusts it trusts the owner of that
certificate's key, which nobody but us can read, and only as this machine (``localhost``) or under the names that the
settings give it.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

# Some clients take no certificate for longer than 398 days.
VALID = timedelta(days=397)
RENEWED_BEFORE = timedelta(days=30)
NAMES = ("localhost",)
ADDRESSES = ("127.0.0.1", "::1")
BUNDLES = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")


@dataclass(frozen=True)
class Certificates:
    """PEM files. ``server``: the workspace's certificate with its key; ``authority``: who signed it; ``bundle``: that
    authority and all that this machine trusts otherwise."""

    server: Path
    authority: Path
    bundle: Path


def ensure(directory: Path, environ: Mapping[str, str] = os.environ, hosts: Sequence[str] = ()) -> Certificates:
    """The certificates kept in a directory, made anew when there are none, they end soon, or are of other hosts.

    Parameters: ``environ``: names the bundle that clients would trust without us; by default certifi's; ``hosts``:
    names besides this machine's.
    """
    directory.mkdir(parents=True, exist_ok=True)
    found = Certificates(directory / "server.pem", directory / "ca.pem", directory / "bundle.pem")
    names = [*NAMES, *sorted({host.lower() for host in hosts} - {*NAMES})]
    if not (found.server.is_file() and found.authority.is_file() and _lasts(found.server, names)):
        authority, server = _made(names)
        found.authority.write_bytes(authority)
        with open(os.open(found.server, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(server)
    found.bundle.write_bytes(_trusted(environ, found.bundle) + b"\n" + found.authority.read_bytes())
    return found


def _trusted(environ: Mapping[str, str], ours: Path) -> bytes:
    for name in BUNDLES:
        path = Path(environ.get(name, ""))
        # A shell that was pointed at this stack names our own bundle.
        if path.is_file() and path.resolve() != ours.resolve():
            return path.read_bytes()
    import certifi

    return Path(certifi.where()).read_bytes()


def _lasts(server: Path, names: list[str]) -> bool:
    from cryptography import x509

    found = x509.load_pem_x509_certificate(server.read_bytes())
    of = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)
    return bool(found.not_valid_after_utc > datetime.now(UTC) + RENEWED_BEFORE) and of == names


def _made(names: list[str]) -> tuple[bytes, bytes]:
    """A new authority's certificate, and a certificate that it signed with its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    def named(name: str) -> Any:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])

    def usage(*uses: str) -> Any:
        encrypting = ("key_encipherment", "data_encipherment", "key_agreement", "encipher_only", "decipher_only")
        every = ("digital_signature", "content_commitment", "key_cert_sign", "crl_sign", *encrypting)
        return x509.KeyUsage(**{use: use in uses for use in every})

    authority_key, server_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    start, issuer = datetime.now(UTC) - timedelta(hours=1), named("airflow-databricks-harness")

    def begun(subject: Any, key: Any) -> Any:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + VALID)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        )

    authority = (
        begun(issuer, authority_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage("key_cert_sign", "crl_sign"), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    addresses = [x509.IPAddress(ipaddress.ip_address(address)) for address in ADDRESSES]
    server = (
        begun(named("localhost"), server_key)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage("digital_signature"), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([*map(x509.DNSName, names), *addresses]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    key = server_key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return authority.public_bytes(pem), server.public_bytes(pem) + key
