"""The committed sample files and the generator that wrote them."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

INCLUDE = Path(__file__).resolve().parents[2] / "include"


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("include_generate", INCLUDE / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their module up by name.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_the_committed_files_are_what_the_generator_writes_byte_for_byte(generate: ModuleType, tmp_path: Path) -> None:
    written = generate.write(tmp_path)
    committed = sorted((INCLUDE / "data").glob("*.csv"))
    assert sorted(path.name for path in written) == [path.name for path in committed]
    for path in committed:
        assert (tmp_path / path.name).read_bytes() == path.read_bytes(), path.name


def test_the_files_carry_the_dirt_they_promise() -> None:
    quarters = {n: (INCLUDE / "data" / f"energy_2025_q{n}.csv").read_text(encoding="utf-8") for n in (1, 2, 3, 4)}
    assert not quarters[1].partition("\n")[0].endswith(",meter")
    assert quarters[2].partition("\n")[0].endswith(",meter")
    for text in quarters.values():
        lines = text.splitlines()
        assert len(set(lines)) < len(lines), "some rows were exported twice"
        for mark in (",n/a,", '"Rotterdam, Pier 4"', '"Lyon ""Confluence"", Building B"', "  ,", ",TRUE", ",no"):
            assert mark in text, mark
        assert any(line.split(",")[1] == "" for line in lines), "some rows have no facility_id"
    assert all(path.stat().st_size < 300_000 for path in (INCLUDE / "data").glob("*.csv"))
