from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest

from harness.lake import shim
from harness.lake.jars import Jars
from harness.lake.java import Java, find_java
from harness.lake.shim import ShimFailed, catalog_jar


@pytest.fixture(scope="module")
def runtime() -> Java:
    """A Java without a compiler."""
    java = find_java(None, {})
    assert not (java.home / "bin" / "javac").exists()
    return java


def linked(cache: Path, tmp_path: Path) -> Path:
    """A cache with the jars of the real one and nothing else."""
    fresh = tmp_path / "cache"
    fresh.mkdir()
    (fresh / "jars").symlink_to(cache / "jars")
    return fresh


def test_the_shim_compiles_on_a_runtime_without_a_compiler(cache: Path, tmp_path: Path, runtime: Java) -> None:
    fresh = linked(cache, tmp_path)
    jars = Jars(fresh)
    jars.ensure(runtime)
    jar = catalog_jar(runtime, jars, fresh)
    assert "io/unitycatalog/harness/HarnessCatalog.class" in zipfile.ZipFile(jar).namelist()


def test_a_compiled_shim_is_not_compiled_again(cache: Path, tmp_path: Path, runtime: Java) -> None:
    fresh = linked(cache, tmp_path)
    jars = Jars(fresh)
    jars.ensure(runtime)
    jar = catalog_jar(runtime, jars, fresh)
    stamp = jar.stat().st_mtime_ns  # the class archive depends on it
    no_java = Java(runtime.home, tmp_path / "no-such-java", runtime.version, "test")
    assert catalog_jar(no_java, jars, fresh) == jar
    assert jar.stat().st_mtime_ns == stamp


def test_sources_that_do_not_compile_are_reported_with_the_compilers_words(
    cache: Path, tmp_path: Path, runtime: Java, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = tmp_path / "sources"
    shutil.copytree(shim.SOURCES, sources)
    (sources / "Broken.java").write_text("class Broken { int x = nonsense; }")
    monkeypatch.setattr(shim, "SOURCES", sources)
    fresh = linked(cache, tmp_path)
    jars = Jars(fresh)
    jars.ensure(runtime)
    with pytest.raises(ShimFailed, match="nonsense cannot be resolved"):
        catalog_jar(runtime, jars, fresh)
    assert not list((fresh / "catalog").glob("*.jar"))
