from __future__ import annotations

import datetime
import hashlib
import http.server
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from harness.lake import jars as jars_module
from harness.lake.jars import Jars, JarsUnavailable, read_lock
from harness.lake.java import Java, find_java
from harness.lake.truststore import TrustStoreUnreadable, network_flags

FILES = {"one": b"the first jar " * 900, "two": b"the second jar " * 900}


class Mirror:
    """A Maven repository on loopback that holds FILES, counts what it serves, and may serve other bytes."""

    def __init__(self) -> None:
        self.served: list[str] = []
        self.altered = False
        mirror = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                self.answer(send=False)

            def do_GET(self) -> None:
                self.answer(send=True)

            def answer(self, send: bool) -> None:
                name = self.path.rsplit("/", 1)[1]
                body = FILES.get(name.removesuffix("-1.0.jar"))
                if body is None:
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if send:
                    mirror.served.append(name)
                    self.wfile.write(body.swapcase() if mirror.altered else body)

            def log_message(self, *args: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/maven"


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    mirror = Mirror()
    thread = threading.Thread(target=mirror.server.serve_forever)
    thread.start()
    yield mirror
    mirror.server.shutdown()
    mirror.server.server_close()
    thread.join()


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    lines = [f"org.example:{n}:1.0 {hashlib.sha256(b).hexdigest()} {len(b)} engine" for n, b in FILES.items()]
    path = tmp_path / "jars.lock"
    path.write_text("# a comment\n" + "\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def java() -> Java:
    return find_java()


def test_the_lock_file_names_coordinates_and_hashes_but_no_repository() -> None:
    jars = read_lock()
    assert {jar.role for jar in jars} == {"engine", "compiler"}
    assert all(len(jar.sha256) == 64 and jar.size > 0 for jar in jars)
    assert "//" not in jars_module.LOCK.read_text()


def test_missing_jars_are_fetched_verified_and_announced_as_they_arrive(
    tmp_path: Path, lock: Path, mirror: Mirror, java: Java
) -> None:
    jars = Jars(tmp_path / "cache", mirror.url, lock)
    seen: list[tuple[str, int, int]] = []
    paths = jars.ensure(java, lambda *event: seen.append(event))
    assert [path.read_bytes() for path in paths] == list(FILES.values())
    total = sum(map(len, FILES.values()))
    assert seen == [("one-1.0.jar", len(FILES["one"]), total), ("two-1.0.jar", total, total)]
    assert jars.missing() == []


def test_jars_that_are_there_need_neither_java_nor_network(
    tmp_path: Path, lock: Path, mirror: Mirror, java: Java
) -> None:
    Jars(tmp_path / "cache", mirror.url, lock).ensure(java)
    no_java = Java(tmp_path, tmp_path / "no-such-java", "17", "test")
    assert len(Jars(tmp_path / "cache", "http://127.0.0.1:9", lock).ensure(no_java)) == 2


def test_only_what_is_missing_or_cut_short_is_fetched_again(
    tmp_path: Path, lock: Path, mirror: Mirror, java: Java
) -> None:
    jars = Jars(tmp_path / "cache", mirror.url, lock)
    jars.ensure(java)
    mirror.served.clear()
    (tmp_path / "cache" / "jars" / "two-1.0.jar").write_bytes(b"half")
    jars.ensure(java)
    assert mirror.served == ["two-1.0.jar"]


def test_altered_bytes_are_thrown_away_and_named(tmp_path: Path, lock: Path, mirror: Mirror, java: Java) -> None:
    mirror.altered = True
    jars = Jars(tmp_path / "cache", mirror.url, lock)
    with pytest.raises(JarsUnavailable, match=r"org\.example:one:1\.0[\s\S]*sha256"):
        jars.ensure(java)
    assert len(jars.missing()) == 2


def test_without_a_network_the_message_lists_what_is_missing_and_what_to_do(
    tmp_path: Path, lock: Path, java: Java
) -> None:
    with pytest.raises(JarsUnavailable) as raised:
        Jars(tmp_path / "cache", "http://127.0.0.1:9/maven", lock).ensure(java)
    message = str(raised.value)
    for part in ("org.example:two:1.0", "Connection refused", "harness fetch", "HARNESS_MIRROR", "HTTPS_PROXY"):
        assert part in message


def test_a_jar_the_mirror_does_not_have_is_named(tmp_path: Path, lock: Path, mirror: Mirror, java: Java) -> None:
    lock.write_text(lock.read_text() + f"org.example:three:1.0 {'0' * 64} 5 engine\n")
    with pytest.raises(JarsUnavailable, match=r"module not found: org\.example#three;1.0"):
        Jars(tmp_path / "cache", mirror.url, lock).ensure(java)


def test_a_mirror_that_never_answers_is_given_up(
    tmp_path: Path, lock: Path, java: Java, monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    monkeypatch.setattr(jars_module, "STALL_SECONDS", 2.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(JarsUnavailable, match=r"no answer for 2 s|Read timed out"):
            Jars(tmp_path / "cache", address, lock).ensure(java)


def test_two_processes_that_fetch_at_once_fetch_each_jar_once(
    tmp_path: Path, lock: Path, mirror: Mirror, java: Java
) -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from harness.lake.jars import Jars; from harness.lake.java import find_java\n"
        "print(len(Jars(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])).ensure(find_java())))"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "cache"), mirror.url, str(lock)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate(timeout=60)[0].strip() for process in processes] == ["2", "2"]
    assert sorted(mirror.served) == ["one-1.0.jar", "two-1.0.jar"]


def test_a_jvm_is_given_the_proxy_of_the_environment(tmp_path: Path) -> None:
    environ = {"HTTPS_PROXY": "http://proxy.example:3128", "NO_PROXY": "localhost,.example.com"}
    assert network_flags(tmp_path, environ) == [
        "-Dhttps.proxyHost=proxy.example",
        "-Dhttps.proxyPort=3128",
        "-Dhttp.nonProxyHosts=localhost|*.example.com",
    ]


def test_a_certificate_bundle_becomes_a_trust_store_that_java_reads(tmp_path: Path, java: Java) -> None:
    (tmp_path / "ca.pem").write_bytes(self_signed("A Company's Proxy"))
    network_flags(tmp_path, {"SSL_CERT_FILE": str(tmp_path / "ca.pem")})
    keytool = [str(java.home / "bin" / "keytool"), "-list", "-v", "-keystore", str(tmp_path / "truststore.p12")]
    listed = subprocess.run([*keytool, "-storepass", "changeit"], capture_output=True, text=True, timeout=60)
    assert "trustedCertEntry" in listed.stdout
    assert "A Company's Proxy" in listed.stdout


def self_signed(name: str) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number(), now)
    certificate = builder.not_valid_after(now + datetime.timedelta(days=1)).sign(key, hashes.SHA256())
    return certificate.public_bytes(serialization.Encoding.PEM)


def test_an_unreadable_certificate_bundle_is_named_with_its_variable(tmp_path: Path) -> None:
    with pytest.raises(TrustStoreUnreadable, match="REQUESTS_CA_BUNDLE"):
        network_flags(tmp_path, {"REQUESTS_CA_BUNDLE": str(tmp_path / "absent.pem")})
