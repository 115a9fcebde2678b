"""Installing libraries ahead of the tasks that are to have them: a program for the notebooks' interpreter.

Standard input has one JSON document (``cache``, ``roots``, ``libraries``: the lines of each); standard output gets one,
the reason of each that cannot be had, or null. What is installed lies in the overlays that tasks look for.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

from harness.kernel.forkserver import PRELOAD
from harness.kernel.overlays import PackageNotInstalled
from harness.kernel.packages import Packages, fetcher
from harness.lake.paths import WorkspacePaths


def _not_from_here(source: str, target: str) -> object:
    raise PackageNotInstalled(f"{source} is fetched from S3 when a task starts, not before.")


def main() -> None:
    order = json.load(sys.stdin)
    # Every task has these loaded already; whether another version of one is wanted is found out by looking.
    for module in PRELOAD:
        importlib.import_module(module)
    packages = Packages(Path(order["cache"]), {}, fetcher(WorkspacePaths(order["roots"]).local, _not_from_here))
    reasons: list[str | None] = []
    for lines in order["libraries"]:
        try:
            packages.provide(lines)
            reasons.append(None)
        except PackageNotInstalled as error:
            reasons.append(str(error))
    print(json.dumps(reasons))


if __name__ == "__main__":
    main()
