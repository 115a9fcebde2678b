"""A process that runs an S3 server which is not ours, with STS beside it, and takes it along when it ends.

Run as ``python -m harness.lake.buckets.server`` by :class:`harness.process.Child`.
"""

from __future__ import annotations

import contextlib
import json
import signal
import threading
import urllib.request
from typing import Any, Protocol

from harness.lake.buckets.containers import Container
from harness.lake.buckets.programs import Program
from harness.lake.buckets.reset import client
from harness.lake.s3 import S3Endpoint
from harness.process import Lifeline

START_SECONDS = 45.0
ASK_SECONDS = 0.05


class Server(Protocol):
    """An S3 server that was started."""

    def ended(self) -> str | None:
        """Why it is no longer there; ``None`` while it is."""

    def stop(self) -> None:
        """End it, for certain."""


class External:
    """An endpoint that was there before us and stays."""

    def ended(self) -> str | None:
        return None

    def stop(self) -> None:
        pass


def started(config: dict[str, Any]) -> Server:
    """Start what ``config`` says. Raises: ``SystemExit`` with the reason when it cannot be."""
    if "program" in config:
        return Program(**config["program"])
    if "container" in config:
        return Container(**config["container"])
    return External()


def wait_until_it_answers(
    endpoint: S3Endpoint, server: Server, stopped: threading.Event, seconds: float, topology: str = ""
) -> None:
    """Ask until the server lists its buckets: a program that is not ours has no other way to say that it is ready.

    Parameters: ``topology``: the address at which SeaweedFS's master says who has joined it. SeaweedFS (4.48) answers
    before its volume server has: five starts of 25 on a busy machine. Then it finds no bytes of the objects that it
    lists, and the first write takes five seconds, or fails.
    Raises: ``SystemExit`` saying why it will not do.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    # None of botocore's own tries, whose waits grow.
    s3 = client(endpoint, retries={"total_max_attempts": 1}, connect_timeout=3, read_timeout=10)
    clock = threading.Event()
    tries = max(1, int(seconds / ASK_SECONDS))
    said = ""
    for _ in range(tries):
        if stopped.is_set():
            raise SystemExit(0)
        if reason := server.ended():
            raise SystemExit(f"the S3 server ended before it was ready: {reason}")
        try:
            s3.list_buckets()
            if not topology or _has_joined(topology):
                return
            said = f"the S3 server at {endpoint.url} has no volume server after {seconds:.0f} s"
        except ClientError as error:
            code, status = error.response["Error"].get("Code", ""), error.response["ResponseMetadata"]["HTTPStatusCode"]
            if code == "AccessDenied":
                return  # it knows us, and only does not show all buckets
            said = _refusal(endpoint, code, error.response["Error"].get("Message", ""))
            if isinstance(server, External) and status < 500:
                break
        except (BotoCoreError, ValueError) as error:
            said = f"the S3 server at {endpoint.url} does not answer as one: {error}"
        clock.wait(ASK_SECONDS)
    raise SystemExit(said)


def _has_joined(topology: str) -> bool:
    """Whether a volume server has joined SeaweedFS's master, and shown it its volumes."""
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(topology, timeout=3) as answer:
            return bool(json.load(answer)["Topology"]["DataCenters"])
    except OSError:
        return False


def _refusal(endpoint: S3Endpoint, code: str, message: str) -> str:
    if code == "RequestTimeTooSkewed":
        return f"the clocks of this machine and of the S3 server at {endpoint.url} differ too much ({code}): set them"
    if code in ("InvalidAccessKeyId", "SignatureDoesNotMatch", "403", "Forbidden", "InvalidSecurity"):
        return (
            f"the S3 server at {endpoint.url} does not take the credentials of HARNESS_S3_ACCESS_KEY "
            f"({endpoint.access_key}) and HARNESS_S3_SECRET_KEY: {code}. {message}"
        )
    return f"the S3 server at {endpoint.url} refuses to list its buckets: {code}. {message}"


def main() -> None:
    lifeline = Lifeline.adopt()
    (sock,) = lifeline.sockets
    config = lifeline.config
    endpoint = S3Endpoint(**config["endpoint"])
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    with contextlib.ExitStack() as running:
        # Before there is a second thread: the program is told to die with the thread that starts it.
        server = started(config)
        running.callback(server.stop)
        lifeline.on_parent_gone(stopped.set)
        wait_until_it_answers(
            endpoint,
            server,
            stopped,
            START_SECONDS if not isinstance(server, External) else ASK_SECONDS,
            config.get("topology", ""),
        )
        # Imported late: it takes a second or two, in which the program is starting.
        from harness.lake.buckets import sts

        sts.serve(sock, endpoint, config.get("role", ""))
        lifeline.ready(url=endpoint.url)
        while not stopped.wait(0.5):
            if reason := server.ended():
                raise SystemExit(f"the S3 server is gone: {reason}")


if __name__ == "__main__":
    main()
