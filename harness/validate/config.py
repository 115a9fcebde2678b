"""``[tool.harness.validate]``, in ``harness.toml`` ``[validate]``: what a project declares or does not want to hear."""

from __future__ import annotations

import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError


class ConfigInvalid(ValueError):
    """The table cannot be read. The message names the field."""


def _dashed(name: str) -> str:
    return name.replace("_", "-")


class Config(BaseModel):
    """The table's fields."""

    model_config = ConfigDict(extra="forbid", alias_generator=_dashed, populate_by_name=True)

    ignore: list[str] = Field(default=[], description="Rules that are switched off.")
    per_file_ignores: dict[str, list[str]] = Field(
        default={}, description="Rules that are switched off for files: a glob of paths to rules."
    )
    baseline: Path | None = Field(default=None, description="File of known findings (`--write-baseline` makes it).")
    import_seconds: float = Field(default=10.0, gt=0, description="How long a DAG file may take to import.")
    connections: list[str] | dict[str, str] = Field(
        default=[], description="Connection ids that production defines, or id to URI where DAG files read them."
    )
    variables: list[str] | dict[str, str] = Field(
        default=[], description="Airflow variables that production defines, or key to value where DAG files read them."
    )
    pools: list[str] = Field(default=[], description="Pools that production defines.")
    assets: list[str] = Field(default=[], description="Assets (names or URIs, `*` allowed) that others produce.")
    sources: list[str] = Field(default=[], description="Tables (`*` allowed) that others create.")
    secrets: list[str] = Field(default=[], description="Secrets that production defines: `scope/key` or `scope/*`.")

    @classmethod
    def of(cls, project: Path) -> Config:
        """Read a project's ``pyproject.toml``, or its ``harness.toml``. Raises: ``ConfigInvalid``."""
        for name, keys in (("pyproject.toml", ("tool", "harness", "validate")), ("harness.toml", ("validate",))):
            file = project / name
            try:
                table = tomllib.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
                for key in keys:
                    table = table.get(key, {})
                if table:
                    return cls.model_validate(table)
            except (tomllib.TOMLDecodeError, ValidationError) as error:
                raise ConfigInvalid(f"{file}: {error}") from None
        return cls()
