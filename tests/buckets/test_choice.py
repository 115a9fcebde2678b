"""The setting ``s3``: what cannot be had is said in clear words, and nothing is left running."""

from __future__ import annotations

import contextlib
import datetime
import http.server
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from botocore.exceptions import EndpointConnectionError

from harness.control import StackFailed
from harness.lake.buckets import S3Unavailable, SharedS3, claimed
from harness.lake.buckets.reset import client
from harness.lake.buckets.server import External, wait_until_it_answers
from harness.process import ProcessFailed, bind
from harness.settings import Settings
from harness.stack import Stack
from tests.buckets.servers import needed, no_engine, running


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    before = set(psutil.Process().children())
    yield
    # What was there, such as a session's stack, may start more.
    started = [first for first in psutil.Process().children() if first not in before]
    below = list(started)
    for first in started:
        with contextlib.suppress(psutil.NoSuchProcess):  # it has ended meanwhile
            below += first.children(recursive=True)
    _, alive = psutil.wait_procs(below, timeout=10)
    assert [process.cmdline() for process in alive] == []


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "stack"


def test_an_unknown_name_is_no_server():
    with pytest.raises(ValueError, match="'ceph' is none of moto, minio, minio-binary, seaweedfs, command, and no URL"):
        Settings(s3="ceph")


@pytest.mark.parametrize(
    ("s3", "name"), [("minio-binary", "minio"), ("seaweedfs", "airflow-databricks-harness\\[seaweedfs\\]")]
)
def test_a_program_that_is_not_there_is_named(directory, monkeypatch, s3, name):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(StackFailed, match=f"no program .*{name}"), Stack(Settings(s3=s3), directory):
        pass


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("", "`s3_command` says what to start"),
        ("no-such-program {port}", "no program 'no-such-program'"),
        ("true {host}", r"may hold \{port\} and \{directory\}"),
        ("true {port}", "ended before it was ready: .*true ended with code 0"),
    ],
)
def test_a_command_that_will_not_do_is_explained(directory, command, message):
    with (
        pytest.raises((S3Unavailable, ProcessFailed), match=message),
        running("command", directory, s3_command=command),
    ):
        pass


def test_keys_that_minio_does_not_take_are_named(directory):
    with (
        pytest.raises(S3Unavailable, match="s3_secret_key of at least 8"),
        running("minio", directory, s3_secret_key="x"),
    ):
        pass


def test_a_port_that_is_taken_is_named(directory):
    with bind() as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(ProcessFailed, match=f"cannot listen on 127.0.0.1:{port}"),
            running("minio", directory, s3_port=port),
        ):
            pass


def test_an_endpoint_that_does_not_answer_is_named(directory):
    with bind() as sock:
        url = f"http://127.0.0.1:{sock.getsockname()[1]}"
    with pytest.raises(StackFailed, match=f"S3 server at {url} does not answer"), Stack(Settings(s3=url), directory):
        pass


def test_a_second_stack_on_an_endpoint_is_warned_about(directory):
    with bind() as sock:
        port = sock.getsockname()[1]
    settings = Settings(s3=f"http://localhost:{port}")
    with (
        claimed(f"http://127.0.0.1:{port}/", settings.cache / "s3"),
        pytest.warns(SharedS3, match="Delta tables that both write may lose commits"),
        pytest.raises(StackFailed, match="does not answer"),
        Stack(settings, directory),
    ):
        pass
    with warnings.catch_warnings(), claimed(settings.s3, settings.cache / "s3"):
        warnings.simplefilter("error")  # the claims of both are over


@pytest.fixture
def saying() -> Iterator[Any]:
    """A server that says one thing, whatever it is asked."""
    said: list[tuple[int, bytes]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = said[0]
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def say(status: int, body: str) -> str:
        said[:] = [(status, body.encode())]
        return f"http://127.0.0.1:{server.server_port}"

    yield say
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (403, "<Error><Code>RequestTimeTooSkewed</Code><Message>m</Message></Error>", "clocks .* differ too much"),
        (
            403,
            "<Error><Code>SignatureDoesNotMatch</Code><Message>m</Message></Error>",
            "does not take the credentials of HARNESS_S3_ACCESS_KEY \\(harness\\)",
        ),
        (404, "<html>not found</html>", "refuses to list its buckets|does not answer as one"),
    ],
)
def test_an_endpoint_that_refuses_is_explained(directory, saying, status, body, message):
    with pytest.raises(ProcessFailed, match=message) as failure, running("moto", directory, s3=saying(status, body)):
        pass
    assert "harness-secret" not in str(failure.value)


@pytest.mark.parametrize("kind", ["command", "minio-binary", "seaweedfs"])
def test_wrong_credentials_at_a_real_server_are_named(tmp_path, kind):
    needed(kind)
    with (
        running(kind, tmp_path / "real") as real,
        pytest.raises(ProcessFailed, match="does not take the credentials of HARNESS_S3_ACCESS_KEY"),
        running("moto", tmp_path / "wrong", s3=real.endpoint.url, s3_secret_key="wrong-secret"),
    ):
        pass


@pytest.mark.parametrize("kind", ["command", "minio-binary", "seaweedfs"])
def test_a_clock_that_a_real_server_does_not_believe_is_named(tmp_path, monkeypatch, kind):
    needed(kind)
    with running(kind, tmp_path) as real:
        late = datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=20)
        monkeypatch.setattr("botocore.auth.get_current_datetime", lambda *_, **__: late)
        with pytest.raises(SystemExit, match=r"clocks of this machine and of the S3 server .* differ too much"):
            wait_until_it_answers(real.endpoint, External(), threading.Event(), 1)


@pytest.mark.parametrize("kind", ["minio-binary", "seaweedfs"])
def test_objects_outlive_a_server_that_is_killed(tmp_path, kind):
    needed(kind)
    for attempt in range(2):
        with running(kind, tmp_path) as server:
            s3 = client(server.endpoint, retries={"total_max_attempts": 1})
            if attempt:
                assert s3.get_object(Bucket="kept", Key="k")["Body"].read() == b"1"
                return
            s3.create_bucket(Bucket="kept")
            s3.put_object(Bucket="kept", Key="k", Body=b"1")
            (program,) = psutil.Process(server.child.pid).children()
            server.child.process.kill()  # and the program goes with it
            psutil.wait_procs([program], timeout=10)
            with pytest.raises(EndpointConnectionError):
                s3.get_object(Bucket="kept", Key="k")


def test_seaweedfs_is_ready_when_a_volume_server_has_joined(tmp_path):
    needed("seaweedfs")
    with running("seaweedfs", tmp_path):
        assert "added volume server" in (tmp_path / "s3.log").read_text()


def test_a_server_without_a_volume_server_is_waited_for(tmp_path):
    joined = [b"null", b"null", b'[{"Id": "DefaultDataCenter"}]', b"null"]

    class Master(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"Topology": {"DataCenters": %s}}' % joined.pop(0))

        def log_message(self, *_):
            pass

    with running("moto", tmp_path) as real, http.server.HTTPServer(("127.0.0.1", 0), Master) as master:
        topology = f"http://127.0.0.1:{master.server_port}/dir/status"
        threading.Thread(target=master.serve_forever, daemon=True).start()
        wait_until_it_answers(real.endpoint, External(), threading.Event(), 1, topology)
        assert joined == [b"null"]
        with pytest.raises(SystemExit, match="has no volume server after 0 s"):
            wait_until_it_answers(real.endpoint, External(), threading.Event(), 0.05, topology)
        master.shutdown()


def test_without_a_docker_engine_it_is_said(directory, monkeypatch):
    pytest.importorskip("testcontainers")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{directory}/no.sock")
    with pytest.raises(ProcessFailed, match=r"no Docker engine answers.*docs/s3.md"), running("minio", directory):
        pass


@pytest.mark.containers
def test_an_image_that_is_not_there_is_named(directory):
    if reason := no_engine():
        pytest.skip(reason)
    with (
        pytest.raises(ProcessFailed, match=r"image no-such/image:1 is not here and cannot be pulled.*HARNESS_S3_IMAGE"),
        running("minio", directory, s3_image="no-such/image:1"),
    ):
        pass


@pytest.mark.containers
def test_a_container_ends_with_the_process_that_wanted_it_even_when_killed(tmp_path):
    needed("minio")
    import docker

    from harness.lake.buckets.containers import OWNER

    def ours() -> list[str]:
        return [each.id for each in docker.from_env().containers.list(all=True, filters={"label": OWNER})]

    before = set(ours())
    with running("minio", tmp_path / "a") as server:
        (mine,) = set(ours()) - before
        assert mine
        server.child.process.stdin.close()  # as when the parent is gone
        server.child.process.wait(20)
        assert set(ours()) == before
    # Killed itself, it leaves a container, which the end of its stack removes.
    with running("minio", tmp_path / "d") as server:
        server.child.process.kill()
        server.child.process.wait()
        with running("minio", tmp_path / "e") as other:
            assert len(set(ours()) - before) == 2
            server.sweep()
            assert len(set(ours()) - before) == 1
            assert other.child.process.poll() is None
            server.sweep()
    assert set(ours()) == before
    # If all of the stack is killed, the next one does once the owner is gone.
    script = (
        "import sys; from pathlib import Path; from tests.buckets.servers import running\n"
        "with running('minio', Path(sys.argv[1])) as server:\n"
        "    server.child.process.kill(); server.child.process.wait()"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "b")], check=True, timeout=60)
    assert len(set(ours()) - before) == 1
    with running("minio", tmp_path / "c"):
        assert len(set(ours()) - before) == 1
    assert set(ours()) == before
