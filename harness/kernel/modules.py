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
    """Make modules beside a notebook and at the root of its mounted folder importable ("Work with Python modules").

    Their functions are pickled whole when they go to a UDF: the workers of the shared JVM do not know these folders, as
    a cluster's do.
    """
    here = notebook.parent
    above = [root for root in roots if here.is_relative_to(root)]
    sys.path[:0] = list(dict.fromkeys(str(folder) for folder in (here, *above)))
    cloudpickle._PICKLE_BY_VALUE_MODULES = ModulesUnder((here, *above))
