"""No cloud by accident: Python code here may reach this machine and what is on a list, and nothing else.

An audit hook (PEP 578) sees every connection and every look-up of a name that goes through Python's sockets, in any
library. It cannot see sockets that native code opens (the JVM, delta-rs, gRPC), nor other processes.
"""

from __future__ import annotations

import contextlib
import ipaddress
import json
import os
import socket
import sys
import sysconfig
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

# What a process is told by the one that starts it: a JSON list of the hosts that are allowed.
VARIABLE = "HARNESS_GUARD"
ANY = "*"
LOOPBACK = ("localhost", "localhost.localdomain", "ip6-localhost", "")
HERE = str(Path(__file__).resolve().parent)


# A folder that is not there: profiles, default credentials and tokens of command-line tools are looked for in it.
NOWHERE = "/nonexistent/harness-no-cloud"


def no_profiles(nowhere: str = NOWHERE) -> dict[str, str]:
    """The environment that hides the machine's own ways to AWS, Databricks, Google Cloud and Azure."""
    return {
        "AWS_CONFIG_FILE": f"{nowhere}/aws-config",
        "AWS_SHARED_CREDENTIALS_FILE": f"{nowhere}/aws-credentials",
        "AWS_EC2_METADATA_DISABLED": "true",
        "DATABRICKS_CONFIG_FILE": f"{nowhere}/databrickscfg",
        "CLOUDSDK_CONFIG": f"{nowhere}/gcloud",
        "NO_GCE_CHECK": "true",
        "AZURE_CONFIG_DIR": f"{nowhere}/azure",
    }


def environment(allowed: Iterable[str], python_path: str = "") -> dict[str, str]:
    """The environment in which every Python process that imports Airflow guards itself (harness/guarded).

    Parameters: ``python_path``: the ``PYTHONPATH`` that there is.
    """
    folder = os.path.join(HERE, "guarded")
    others = [part for part in python_path.split(os.pathsep) if part and part != folder]
    return {
        **no_profiles(),
        VARIABLE: json.dumps(list(allowed)),
        "PYTHONPATH": os.pathsep.join([folder, *others]),
    }


class NetworkBlocked(RuntimeError):
    """Code tried to leave this machine. The message names the host and the line of code.

    Not an ``OSError``: what tries again after a failed connection would hide it, or take minutes.
    """


@dataclass(frozen=True)
class Attempt:
    """One attempt to leave: ``host``, ``port``, and ``place``, the file and line of the code that did it."""

    host: str
    port: int | str | None
    place: str

    def __str__(self) -> str:
        port = f":{self.port}" if self.port not in (None, 0, "") else ""
        return f"{self.host}{port}, from {self.place}"


class Guard:
    """What is allowed. Parameters: ``allowed``: host names, addresses or networks (``10.0.0.0/8``); ``*`` allows all.

    Attributes: ``attempts``: what was refused.
    """

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        self.attempts: list[Attempt] = []
        names = [name.strip().lower() for name in allowed]
        self.everything = ANY in names
        self._networks: list[Any] = [network for network in map(_network, names) if network is not None]
        self._names = {*LOOPBACK, socket.gethostname().lower(), *(name for name in names if not _network(name))}
        self._addresses: set[str] | None = None

    def allows(self, host: object) -> bool:
        """Whether a name may be looked up, or an address connected to."""
        if self.everything or host is None:
            return True
        name = host.decode("ascii", "replace") if isinstance(host, (bytes, bytearray)) else str(host)
        name = name.lower().rstrip(".").partition("%")[0]
        if name in self._names or name.endswith(".localhost"):
            return True
        address = _address(name)
        if address is None:
            return any(each.startswith("*.") and name.endswith(each[1:]) for each in self._names)
        if address.is_loopback or address.is_unspecified or str(address) in self._resolved():
            return True
        return any(address.version == network.version and address in network for network in self._networks)

    def refuse(self, host: object, port: Any) -> None:
        """Raises: ``NetworkBlocked``."""
        attempt = Attempt(str(host), port, _place(sys._getframe(2)))
        self.attempts.append(attempt)
        raise NetworkBlocked(
            f"blocked: {attempt}. Only this machine may be reached, and what the setting `network` lists"
        )

    def _resolved(self) -> set[str]:
        """The addresses of the allowed names: a client looks a name up, then connects to an address."""
        if self._addresses is None:
            self._addresses = set()
            for name in self._names - set(LOOPBACK):
                with contextlib.suppress(OSError, UnicodeError), unguarded():
                    self._addresses |= {str(found[4][0]) for found in socket.getaddrinfo(name, None)}
        return self._addresses


_active: list[Guard] = []
_ours = threading.local()
_installed = threading.Event()


@contextlib.contextmanager
def guarded(guard: Guard) -> Iterator[Guard]:
    """Refuse, in every thread of this process, what ``guard`` does not allow, meanwhile."""
    _install()
    _active.append(guard)
    try:
        yield guard
    finally:
        _active.remove(guard)


@contextlib.contextmanager
def unguarded() -> Iterator[None]:
    """Let this thread reach anything meanwhile: for the harness's own work."""
    before = getattr(_ours, "free", False)
    _ours.free = True
    try:
        yield
    finally:
        _ours.free = before


def guard_process(when: Callable[[], bool] | None = None) -> Guard | None:
    """Guard this process for good, if its environment says so (``HARNESS_GUARD``).

    Parameters: ``when``: guard only while this is true. Returns: the guard, or ``None``.
    """
    told = os.environ.get(VARIABLE)
    if told is None:
        return None
    guard = _Conditional(json.loads(told), when) if when is not None else Guard(json.loads(told))
    _install()
    _active.append(guard)
    return guard


class _Conditional(Guard):
    def __init__(self, allowed: Iterable[str], when: Callable[[], bool]) -> None:
        super().__init__(allowed)
        self._when = when

    def allows(self, host: object) -> bool:
        return not self._when() or super().allows(host)


def _install() -> None:
    # An audit hook cannot be taken away again; idle, it costs one comparison an event.
    if not _installed.is_set():
        _installed.set()
        sys.addaudithook(_audit)


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if not event.startswith("socket.") or not _active or getattr(_ours, "free", False):
        return
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = arguments[1]
        # A path is a Unix socket's; None is that of a socket which is connected.
        host, port = (address[0], address[1]) if isinstance(address, tuple) and len(address) >= 2 else (None, None)
    elif event == "socket.getaddrinfo":
        host, port = arguments[0], arguments[1]
    elif event in ("socket.gethostbyname", "socket.gethostbyaddr"):
        host, port = arguments[0], None
    else:
        return
    for guard in _active:
        if not guard.allows(host):
            guard.refuse(host, port)


def _place(frame: FrameType | None) -> str:
    """The innermost line that is neither Python's, nor a package's, nor ours; else the innermost."""
    libraries = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    first = ""
    while frame is not None:
        file = frame.f_code.co_filename
        if file != __file__:
            place = f"{file}:{frame.f_lineno}, in {frame.f_code.co_name}"
            first = first or place
            packaged = any(file.startswith(folder) for folder in libraries) or "site-packages" in file
            if not packaged and not file.startswith(("<frozen", HERE)):
                return place
        frame = frame.f_back
    return first


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    with contextlib.suppress(ValueError):
        address = ipaddress.ip_address(name)
        mapped = getattr(address, "ipv4_mapped", None)
        return mapped or address
    return None


def _network(name: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    with contextlib.suppress(ValueError):
        return ipaddress.ip_network(name, strict=False)
    return None
