"""Modules beside the notebooks: importable, and usable in UDFs."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from pyspark.cloudpickle import cloudpickle


class ModulesUnder(set[str]):
    """The names of imported modules whose files rest under some folders; asked, not listed."""

    def __init__(self, folders: Iterable[Path]) -> None:
        super().__init__()
        self._folders = [folder.resolve() for folder in folders]

    def __contains__(self, name: object) -> bool:
        file = getattr(sys.modules.get(str(name)), "__file__", None)
        return file is not None and any(Path(file).resolve().is_relative_to(folder) for folder in self._folders)


def import_from(notebook: Path, roots: Iterable[Path]) -> None:
    """Make modules beside a notebook importable, and those at the root of its Git folder and of its mounted folder
    (docs.databricks.com, "Work with Python and R modules").

    Their functions are pickled whole when they go to a UDF: the workers of the shared JVM do not know these folders, as
    a cluster's do.
    """
    here = notebook.parent
    above = [root for root in roots if here.is_relative_to(root)]
    above = [*(repo for root in above if (repo := _git_folder(here, root))), *above]
    sys.path[:0] = list(dict.fromkeys(str(folder) for folder in (here, *above)))
    cloudpickle._PICKLE_BY_VALUE_MODULES = ModulesUnder((here, *above))


def _git_folder(here: Path, root: Path) -> Path | None:
    """The Git folder that a folder is in: a clone, or a commit of a job's ``git_source`` (workspace/gitsource.py)."""
    names = here.relative_to(root).parts
    if names[:2] == ("Repos", ".internal") and len(names) >= 4:
        return root.joinpath(*names[:4])
    above = [folder for folder in (here, *here.parents) if folder.is_relative_to(root)]
    return next((folder for folder in above if (folder / ".git").is_dir()), None)
