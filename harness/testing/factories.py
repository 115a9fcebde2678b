"""``make_*``: what a test needs to be there, made through the unmodified clients."""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import bundles
from harness.bundles import BundleInvalid
from harness.testing import maketable
from harness.testing.tables import Rows

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

Execute = Callable[..., list[Any]]
Content = bytes | str | Path | Mapping[str, Any] | list[Any]


class Factory:
    """Makes things for one test. Names that a test does not care for are ``<kind>-1``, ``<kind>-2``, ….

    Parameters: ``workspace`` (a ``databricks.sdk.WorkspaceClient``), ``s3`` (a boto3 client), ``sql`` (executes a
    statement on the warehouse), each made when it is first asked for.
    """

    def __init__(
        self, workspace: Callable[[], WorkspaceClient], s3: Callable[[], Any], sql: Callable[[], Execute], user: str
    ) -> None:
        self._workspace, self._s3, self._sql = workspace, s3, sql
        self._user = user
        self._numbers: dict[str, itertools.count[int]] = {}

    def bucket(self, name: str = "") -> str:
        """An S3 bucket, made unless it is there. Returns: its name."""
        name = name or self._named("bucket")
        s3 = self._s3()
        if name not in {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}:
            s3.create_bucket(Bucket=name)
        return name

    def object(self, place: str, content: Content = b"", **options: Any) -> str:
        """An S3 object, and its bucket.

        Parameters: ``place``: ``bucket/key`` or ``s3://bucket/key``; ``content``: bytes, text, a file's ``Path``, or a
        mapping or list as JSON; ``options``: boto3's for ``put_object``, such as ``Metadata``.
        Returns: its ``s3://`` address. Raises: ``ValueError`` for a place without a key.
        """
        bucket, _, key = place.removeprefix("s3://").partition("/")
        if not key:
            raise ValueError(f"{place!r} names no key: give bucket/key")
        self._s3().put_object(Bucket=self.bucket(bucket), Key=key, Body=_bytes(content), **options)
        return f"s3://{bucket}/{key}"

    def catalog(self, name: str = "", **options: Any) -> str:
        """A Unity Catalog catalog, made unless it is there. Returns: its name."""
        name = name or self._named("catalog").replace("-", "_")
        workspace = self._workspace()
        if name.lower() not in {catalog.name for catalog in workspace.catalogs.list()}:
            workspace.catalogs.create(name=name, **options)
        return name

    def schema(self, name: str = "", **options: Any) -> str:
        """A schema, ``catalog.schema`` (``main`` unless said), and its catalog. Returns: its full name."""
        catalog, _, schema = name.rpartition(".")
        catalog = self.catalog(catalog or "main")
        schema = schema or self._named("schema").replace("-", "_")
        workspace = self._workspace()
        if schema.lower() not in {each.name for each in workspace.schemas.list(catalog)}:
            workspace.schemas.create(name=schema, catalog_name=catalog, **options)
        return f"{catalog}.{schema}"

    def table(
        self,
        name: str,
        rows: Rows = (),
        schema: str | Mapping[str, str] | None = None,
        *,
        partitioned_by: Sequence[str] = (),
        location: str = "",
        properties: Mapping[str, str] | None = None,
    ) -> str:
        """A Delta table that holds ``rows`` and no others, with its schema and catalog.

        Parameters: ``name``: ``catalog.schema.table``; ``rows``: mappings, tuples (with ``schema``), a DataFrame, an
        Arrow table, or the ``Path`` of a CSV, JSON or Parquet file; ``schema``: ``"id BIGINT, name STRING"``, else the
        types of the rows (those of a CSV file as pyarrow reads them); ``location``: an external table's.
        Returns: its full name. Raises: ``ValueError`` when neither rows nor ``schema`` say what the columns are.
        """
        parts = name.split(".")
        if len(parts) != 3:
            raise ValueError(f"{name!r} is not a full name: catalog.schema.table")
        self.schema(".".join(parts[:2]))
        maketable.make(
            self._workspace().dbfs, self._sql(), name, rows, schema, partitioned_by, location, properties or {}
        )
        return name

    def volume(self, name: str, files: Mapping[str, Content] | Path | None = None) -> str:
        """A managed volume, ``catalog.schema.volume``, with files.

        Parameters: ``files``: path in it to content, as of :meth:`object`; or a folder of this machine.
        Returns: its path, ``/Volumes/…``.
        """
        from databricks.sdk.service.catalog import VolumeType

        catalog, schema, volume = name.split(".")
        self.schema(f"{catalog}.{schema}")
        workspace = self._workspace()
        if volume.lower() not in {each.name for each in workspace.volumes.list(catalog, schema)}:
            workspace.volumes.create(catalog, schema, volume, VolumeType.MANAGED)
        root = f"/Volumes/{catalog}/{schema}/{volume}"
        for path, content in (_folder(files) if isinstance(files, Path) else (files or {})).items():
            workspace.files.upload(f"{root}/{path}", io.BytesIO(_bytes(content)), overwrite=True)
        return root

    def notebook(self, source: str | Path, path: str = "", language: str = "PYTHON") -> str:
        """A notebook in the workspace.

        Parameters: ``source``: its cells as Databricks exports them (``# COMMAND ----------`` between two), or the
        ``Path`` of a ``.py``, ``.sql`` or ``.ipynb`` file; ``path``: in the workspace, by default in the user's folder.
        Returns: its path, for ``notebook_path``.
        """
        import base64

        from databricks.sdk.service.workspace import ImportFormat, Language

        kind, content = ImportFormat.SOURCE, source if isinstance(source, str) else source.read_text(encoding="utf-8")
        if isinstance(source, Path):
            kind = ImportFormat.JUPYTER if source.suffix == ".ipynb" else kind
            language = {".sql": "SQL"}.get(source.suffix, "PYTHON")
        path = path or f"/Users/{self._user}/{source.stem if isinstance(source, Path) else self._named('notebook')}"
        workspace = self._workspace()
        workspace.workspace.mkdirs(path.rpartition("/")[0] or "/")
        workspace.workspace.import_(
            path,
            content=base64.b64encode(content.encode()).decode(),
            format=kind,
            language=Language(language) if kind is ImportFormat.SOURCE else None,
            overwrite=True,
        )
        return path

    def secret(self, name: str, value: str) -> str:
        """A secret, ``scope/key``, and its scope. Returns: how a cluster's settings name it, ``{{secrets/…}}``."""
        scope, _, key = name.partition("/")
        workspace = self._workspace()
        if scope not in {each.name for each in workspace.secrets.list_scopes()}:
            workspace.secrets.create_scope(scope)
        workspace.secrets.put_secret(scope, key, string_value=value)
        return f"{{{{secrets/{name}}}}}"

    def job(self, tasks: str | Sequence[Mapping[str, Any]], name: str = "", **settings: Any) -> int:
        """A job.

        Parameters: ``tasks``: as the Jobs API takes them, or one notebook's path; ``settings``: what it takes besides.
        Returns: its id.
        """
        if isinstance(tasks, str):
            tasks = [{"task_key": "main", "notebook_task": {"notebook_path": tasks}}]
        body = {"name": name or self._named("job"), "tasks": list(tasks), **settings}
        # Past the SDK's dataclasses, which drop keys that they do not know: the service is to see what was written.
        made: Any = self._workspace().api_client.do("POST", "/api/2.2/jobs/create", body=body)
        return int(made["job_id"])

    def bundle(
        self, folder: str | Path, target: str = "", variables: Mapping[str, Any] | None = None
    ) -> dict[str, int]:
        """The jobs of a bundle, as a deployment makes them; its files are to be there already, by a mount.

        Parameters: ``target``: by default the bundle's; ``variables``: values of its variables. Returns: ids by key.
        Raises: ``BundleInvalid``.
        """
        from databricks.sdk.errors import NotFound

        bundle = bundles.read(Path(folder), user=self._user, target=target, variables=variables)
        try:
            self._workspace().workspace.get_status(bundle.file_path)
        except NotFound:
            mount = f'"{bundle.file_path}" = "{bundle.folder}"'
            raise BundleInvalid(
                f"the files of {bundle.name} are not there: add to [tool.harness.mounts]: {mount}"
            ) from None
        return bundle.made(
            lambda settings: self.job(settings.get("tasks", []), **{k: v for k, v in settings.items() if k != "tasks"})
        )

    def warehouse(self, name: str = "", **settings: Any) -> str:
        """A SQL warehouse. Returns: its id."""
        settings = {"cluster_size": "2X-Small", **settings}
        return str(self._workspace().warehouses.create(name=name or self._named("warehouse"), **settings).id)

    def _named(self, kind: str) -> str:
        return f"{kind}-{next(self._numbers.setdefault(kind, itertools.count(1)))}"


def _bytes(content: Content) -> bytes:
    if isinstance(content, Path):
        return content.read_bytes()
    if isinstance(content, str):
        return content.encode()
    return content if isinstance(content, bytes) else json.dumps(content).encode()


def _folder(folder: Path) -> dict[str, Content]:
    return {file.relative_to(folder).as_posix(): file for file in sorted(folder.rglob("*")) if file.is_file()}
