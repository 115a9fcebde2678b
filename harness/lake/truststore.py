"""Make a JVM reach the network as this machine does: by the same proxy, trusting the same authorities.

A JVM reads neither ``SSL_CERT_FILE`` nor ``HTTPS_PROXY``; behind a company's proxy both matter.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

BUNDLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
PASSWORD = "changeit"  # Java's customary one; the store holds public certificates only


class TrustStoreUnreadable(RuntimeError):
    """A certificate bundle named by the environment cannot be read."""


def network_flags(directory: Path, environ: Mapping[str, str] = os.environ) -> list[str]:
    """JVM flags that say what the environment says about proxies and certificate authorities.

    Parameters: ``directory`` (where the trust store is written), ``environ``.
    Raises: ``TrustStoreUnreadable``.
    """
    return [*_trust_flags(directory, environ), *_proxy_flags(environ)]


def _trust_flags(directory: Path, environ: Mapping[str, str]) -> list[str]:
    named = next((name for name in BUNDLES if environ.get(name)), None)
    if named is None:
        return []
    store = directory / "truststore.p12"
    write_truststore(Path(environ[named]), store, named)
    return [
        f"-Djavax.net.ssl.trustStore={store}",
        f"-Djavax.net.ssl.trustStorePassword={PASSWORD}",
        "-Djavax.net.ssl.trustStoreType=PKCS12",
    ]


def write_truststore(bundle: Path, store: Path, named: str) -> None:
    """Write the certificates of a PEM ``bundle`` as a Java trust store. ``named``: the variable, for the message."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

    with warnings.catch_warnings():
        # Debian's bundle holds an authority with serial number 0; Java does not mind.
        warnings.simplefilter("ignore")
        try:
            certificates = x509.load_pem_x509_certificates(bundle.read_bytes())
        except (OSError, ValueError) as error:
            raise TrustStoreUnreadable(f"{named}={bundle} holds no readable PEM certificates: {error}") from error
    entries = [pkcs12.PKCS12Certificate(certificate, b"ca-%d" % n) for n, certificate in enumerate(certificates)]
    store.write_bytes(pkcs12.serialize_java_truststore(entries, BestAvailableEncryption(PASSWORD.encode())))


def _proxy_flags(environ: Mapping[str, str]) -> list[str]:
    flags = []
    for scheme in ("http", "https"):
        address = environ.get(f"{scheme}_proxy") or environ.get(f"{scheme.upper()}_PROXY")
        if address:
            proxy = urlsplit(address if "//" in address else f"//{address}")
            flags.append(f"-D{scheme}.proxyHost={proxy.hostname}")
            flags.append(f"-D{scheme}.proxyPort={proxy.port or (443 if proxy.scheme == 'https' else 80)}")
    exempt = environ.get("no_proxy") or environ.get("NO_PROXY")
    if flags and exempt:
        hosts = [host.strip() for host in exempt.split(",") if host.strip()]
        # ".example.com" in the environment is "*.example.com" in Java.
        flags.append("-Dhttp.nonProxyHosts=" + "|".join("*" + h if h.startswith(".") else h for h in hosts))
    return flags
