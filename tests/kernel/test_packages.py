from __future__ import annotations

import importlib
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.kernel.overlays import PackageNotInstalled
from harness.kernel.packages import Packages, fetcher
from harness.kernel.requirementlines import NotUnderstood, read
from harness.kernel.wheel import EntryPointNotFound, function
from tests.wheels import index, wheel


@pytest.fixture(autouse=True)
def clean_path(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test makes importable is not so for the next one."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.startswith("harnesstest"):
            del sys.modules[name]
    importlib.invalidate_caches()


@pytest.fixture
def environment() -> dict[str, str]:
    return {}


@pytest.fixture
def packages(tmp_path: Path, environment: dict[str, str]) -> Packages:
    def nowhere(path: str) -> Path:
        raise LookupError(path)

    return Packages(tmp_path / "cache", environment, fetcher(nowhere, shutil.copy))


def test_a_wheel_is_importable_here_and_in_workers_and_installed_once(
    packages: Packages, environment: dict[str, str], tmp_path: Path
) -> None:
    first = wheel(tmp_path, "harnesstest_a", "1.0", "def main(): return 'one'", run="harnesstest_a:main")
    assert packages.provide([str(first)]) == ["Successfully installed harnesstest_a-1.0-py3-none-any.whl"]
    assert function("harnesstest_a", "run")() == "one"
    assert function("harnesstest-a", "main")() == "one"
    (overlay,) = (tmp_path / "cache").iterdir()
    assert environment == {"PYTHONPATH": str(overlay)}
    stamp = (overlay / "harnesstest_a.py").stat()
    packages.provide([str(first)])
    assert (overlay / "harnesstest_a.py").stat() == stamp


def test_a_wheel_of_the_same_name_and_version_but_other_content_is_another(
    packages: Packages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for text in ("one", "two"):
        packages.provide([str(wheel(tmp_path / text, "harnesstest_b", "1.0", f"def main(): return '{text}'"))])
        importlib.invalidate_caches()
        sys.modules.pop("harnesstest_b", None)
    assert len(list((tmp_path / "cache").iterdir())) == 2
    assert function("harnesstest_b", "main")() == "two"


def test_requirements_come_from_their_index_with_what_they_depend_on(
    packages: Packages, tmp_path: Path, environment: dict[str, str]
) -> None:
    wheel(tmp_path / "index" / "harnesstest-c", "harnesstest_c", "1.0", "X = 1")
    wheel(tmp_path / "index" / "harnesstest-c", "harnesstest_c", "2.0", "X = 2")
    wheel(
        tmp_path / "index" / "harnesstest-d", "harnesstest_d", "1.0", "from harnesstest_c import X", "harnesstest_c<2"
    )
    with index(tmp_path / "index") as url:
        done = packages.provide([f"--index-url {url}", "harnesstest-d>=1", "packaging"])
    assert done[0] == "Successfully installed harnesstest-d 1.0"
    assert done[1].startswith("Requirement already satisfied: packaging")
    assert importlib.import_module("harnesstest_d").X == 1
    # Without the index, from what was kept.
    again = Packages(tmp_path / "cache", environment, Path)
    sys.path[:] = [path for path in sys.path if str(tmp_path) not in path]
    assert again.provide([f"--index-url {url}", "harnesstest-d>=1", "packaging"]) == done


def test_pip_reads_requirements_files_and_says_what_it_did(
    packages: Packages, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wheel(tmp_path / "index" / "harnesstest-e", "harnesstest_e", "1.0", "")
    with index(tmp_path / "index") as url:
        (tmp_path / "more.txt").write_text("# packages\n\npackaging # here\nharnesstest-e == 1.0\n")
        packages.pip(f"install -U --quiet -i {url} -r {tmp_path}/more.txt 'pytest>1'")
    out = capsys.readouterr().out.splitlines()
    assert out[1] == "Successfully installed harnesstest-e 1.0"
    assert [line.split(":")[0] for line in (out[0], out[2])] == ["Requirement already satisfied"] * 2
    for line in ("uninstall pytest", "", "install -e .", "install -r nowhere.txt", "install git+file:x"):
        with pytest.raises(PackageNotInstalled, match=r"is not supported here|does not exist"):
            packages.pip(line)


def test_another_version_of_what_every_kernel_has_loaded_is_refused(packages: Packages, tmp_path: Path) -> None:
    import packaging  # noqa: F401  (loaded)

    wheel(tmp_path / "index" / "packaging", "packaging", "1.0", "")
    with (
        index(tmp_path / "index") as url,
        pytest.raises(PackageNotInstalled, match=r"'packaging<2' wants packaging 1\.0"),
    ):
        packages.provide([f"--index-url {url}", "packaging<2"])


def test_what_cannot_be_had_says_so(packages: Packages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    monkeypatch.setenv("PIP_RETRIES", "0")
    with pytest.raises(PackageNotInstalled, match=r"Installing harnesstest-none failed\. Without a network"):
        packages.provide(["--index-url http://127.0.0.1:9/simple", "harnesstest-none"])
    with pytest.raises(PackageNotInstalled, match=r"/nowhere/x\.whl does not exist"):
        packages.provide(["/nowhere/x.whl"])
    (tmp_path / "x.whl").write_text("no zip")
    with pytest.raises(PackageNotInstalled, match=r"x\.whl is not a wheel"):
        packages.provide([str(tmp_path / "x.whl")])
    assert not (tmp_path / "cache").exists() or not list((tmp_path / "cache").iterdir())
    with pytest.raises(PackageNotInstalled, match="Package 'harnesstest-none' is not installed"):
        function("harnesstest-none", "main")
    with pytest.raises(EntryPointNotFound, match="no entry point and no function 'nothing'"):
        function("packaging", "nothing")


@pytest.mark.parametrize("line", ["-e .", "--pre", "git+https://x/y", "./folder"])
def test_lines_that_ask_for_something_else_are_named(line: str) -> None:
    with pytest.raises(NotUnderstood, match="is not supported here"):
        read([line], str)
