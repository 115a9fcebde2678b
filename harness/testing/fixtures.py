"""The fixtures that tests are written with, for :mod:`harness.plugin` to show: given, and then."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.stack import USER
from harness.testing import seeding
from harness.testing.factories import Factory
from harness.testing.golden import Golden
from harness.testing.snapshots import Snapshots
from harness.testing.tables import TableAsserts

if TYPE_CHECKING:
    import pyarrow as pa

    from harness.lake.tables import LakeReader
    from harness.stack import Stack

Make = Callable[..., Any]


@pytest.fixture
def factory(request: pytest.FixtureRequest, clean_stack: Stack) -> Factory:
    """What the ``make_*`` fixtures are the methods of."""
    get = request.getfixturevalue
    return Factory(lambda: get("workspace"), lambda: get("s3"), lambda: get("sql"), USER)


@pytest.fixture
def make_bucket(factory: Factory) -> Make:
    """``make_bucket(name="") -> name``: an S3 bucket."""
    return factory.bucket


@pytest.fixture
def make_object(factory: Factory) -> Make:
    """``make_object("bucket/key", content=b"") -> "s3://bucket/key"``: from bytes, text, a file, or JSON."""
    return factory.object


@pytest.fixture
def make_catalog(factory: Factory) -> Make:
    """``make_catalog(name="") -> name``: a Unity Catalog catalog."""
    return factory.catalog


@pytest.fixture
def make_schema(factory: Factory) -> Make:
    """``make_schema("catalog.schema") -> name``: a schema, and its catalog."""
    return factory.schema


@pytest.fixture
def make_table(factory: Factory) -> Make:
    """``make_table("main.raw.meters", rows, schema=None) -> name``: a Delta table from rows, a DataFrame or a file."""
    return factory.table


@pytest.fixture
def make_volume(factory: Factory) -> Make:
    """``make_volume("main.raw.files", files={"a.txt": "text"}) -> "/Volumes/…"``: a volume with files."""
    return factory.volume


@pytest.fixture
def make_notebook(factory: Factory) -> Make:
    """``make_notebook(source, path="") -> path``: a notebook from its text or its file."""
    return factory.notebook


@pytest.fixture
def make_secret(factory: Factory) -> Make:
    """``make_secret("scope/key", value)``: a secret, and its scope."""
    return factory.secret


@pytest.fixture
def make_job(factory: Factory) -> Make:
    """``make_job(tasks, name="", **settings) -> job_id``: a job of tasks, or of one notebook."""
    return factory.job


@pytest.fixture
def make_bundle(request: pytest.FixtureRequest, factory: Factory) -> Make:
    """``make_bundle(folder, target="", variables={}) -> {key: job_id}``: the jobs of a Databricks Asset Bundle."""
    return lambda folder=".", **said: factory.bundle(request.config.rootpath / folder, **said)


@pytest.fixture
def make_warehouse(factory: Factory) -> Make:
    """``make_warehouse(name="", **settings) -> id``: a SQL warehouse."""
    return factory.warehouse


@pytest.fixture
def ai_answer(clean_stack: Stack) -> Make:
    """``ai_answer("ai_query", "complaint", "my-endpoint", ".*refund.*")``: what an AI function of SQL is to answer."""

    def give(function: str, answer: str, *arguments: str) -> None:
        clean_stack.control("POST", "ai", {"function": function, "answer": answer, "arguments": list(arguments)})

    return give


@pytest.fixture
def seed(factory: Factory) -> Make:
    """``seed(folder) -> names``: tables, objects, volumes and notebooks from the files of a folder."""
    return lambda folder: seeding.seed(factory, Path(folder))


@pytest.fixture(scope="session")
def snapshot_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the session's snapshots rest."""
    return tmp_path_factory.mktemp("snapshots")


@pytest.fixture
def snapshot(clean_stack: Stack, snapshot_folder: Path) -> Snapshots:
    """Snapshots of the stack: ``save(name)``, ``restore(name)``, ``once(name, build)``: build, later restore."""
    return Snapshots(clean_stack.endpoints, snapshot_folder)


@pytest.fixture
def table_asserts(request: pytest.FixtureRequest, lake: LakeReader) -> TableAsserts:
    """What ``assert_table`` and ``assert_schema`` are the methods of."""

    def query(statement: str) -> pa.Table:
        import pyarrow as pa

        return pa.Table.from_pylist([row.asDict() for row in request.getfixturevalue("sql")(statement)])

    return TableAsserts(lake, query)


@pytest.fixture
def assert_table(table_asserts: TableAsserts) -> Make:
    """``assert_table(table, rows, ordered=False, columns=None, tolerance=None, key=())``: fails with the difference."""
    return table_asserts.assert_table


@pytest.fixture
def assert_schema(table_asserts: TableAsserts) -> Make:
    """``assert_schema(table, "id BIGINT, name STRING")``: fails with the difference."""
    return table_asserts.assert_schema


@pytest.fixture
def golden(request: pytest.FixtureRequest, table_asserts: TableAsserts) -> Golden:
    """``golden(table, name="", exclude=())``: the table is what a file beside the test says (``--update-golden``)."""
    update = bool(request.config.getoption("--update-golden"))
    return Golden(table_asserts, Path(request.path), request.node.name, update=update)
