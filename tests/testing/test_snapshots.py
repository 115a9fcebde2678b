"""Given-when-then on a stack: a state built once, brought back in no time, read by both readers of tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.testing.seeding import BadSeed
from harness.testing.snapshots import SnapshotFailed


@pytest.mark.s3("snapshots")
@pytest.mark.slow
def test_a_state_is_built_once_and_brought_back(
    snapshot: Any, make_table: Any, make_object: Any, make_catalog: Any, assert_table: Any, sql: Any, s3: Any, lake: Any
) -> None:
    built = []

    def build() -> None:
        built.append(1)
        make_catalog("dev")
        make_table("main.raw.t", [{"id": 1}, {"id": 2}])
        make_table("dev.raw.u", [{"id": 3}])
        make_object("lake/in.csv", "a,b")

    assert snapshot.once("filled", build)
    for _ in range(2):
        sql("DELETE FROM main.raw.t WHERE id = 1")
        sql("INSERT INTO dev.raw.u VALUES (9)")
        sql("CREATE TABLE main.raw.later AS SELECT 1 AS n")
        s3.delete_object(Bucket="lake", Key="in.csv")
        assert not snapshot.once("filled", build)
        assert_table("main.raw.t", [{"id": 1}, {"id": 2}])
        assert [row[0] for row in sql("SELECT id FROM main.raw.t ORDER BY id")] == [1, 2]
        assert [row[0] for row in sql("SELECT id FROM dev.raw.u")] == [3]
        assert sorted(lake.tables()) == ["dev.raw.u", "main.raw.t"]
        assert s3.get_object(Bucket="lake", Key="in.csv")["Body"].read() == b"a,b"
    assert built == [1]
    with pytest.raises(SnapshotFailed, match="holds no snapshot"):
        snapshot.restore("never made")
    with pytest.raises(ValueError, match="is no name"):
        snapshot.save("../up")


@pytest.mark.slow
def test_a_folder_of_files_is_a_state(
    seed: Any, assert_table: Any, assert_schema: Any, s3: Any, tmp_path: Path
) -> None:
    for path, text in {
        "tables/main/raw/meters.csv": "id,place\n1,north\n2,\n",
        "tables/main/raw/typed.json": '{"id": 1}\n',
        "tables/main/raw/typed.ddl": "id SMALLINT",
        "objects/lake/deep/in.csv": "a,b",
        "volumes/main/raw/v/sub/x.txt": "x",
        "notebooks/Users/me/report.sql": "SELECT 1",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    assert seed(tmp_path) == [
        "/Users/me/report",
        "s3://lake/deep/in.csv",
        "main.raw.meters",
        "main.raw.typed",
        "/Volumes/main/raw/v/sub/x.txt",
    ]
    assert_table("main.raw.meters", [(1, "north"), (2, None)])
    assert_schema("main.raw.typed", "id SMALLINT")
    assert s3.get_object(Bucket="lake", Key="deep/in.csv")["Body"].read() == b"a,b"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("table/main/raw/t.csv", "files of a seed are in tables, objects"),
        ("tables/raw/t.csv", "a table is tables/<catalog>/<schema>/<table>"),
        ("tables/main/raw/t.xlsx", "a table is tables/"),
        ("objects/lake", "an object is objects/<bucket>/<key>"),
        ("volumes/main/raw/v", "a volume's file is"),
    ],
)
def test_a_file_without_a_place_is_named_before_anything_is_made(path: str, message: str, tmp_path: Path) -> None:
    from harness.testing.seeding import seed

    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / path).write_text("x")
    nothing: Any = None
    with pytest.raises(BadSeed, match=message):
        seed(nothing, tmp_path)
    with pytest.raises(BadSeed, match="no folder"):
        seed(nothing, tmp_path / "elsewhere")
