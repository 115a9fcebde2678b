"""Another JVM on the engine's lake, for a program that brings its own ``main``: what it is started with."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.lake import confs
from harness.lake.parts import gather

if TYPE_CHECKING:
    from harness.lake.engine import Engine

MAIN = "io.unitycatalog.harness.Submit"


def submission(engine: Engine, directory: Path) -> dict[str, Any]:
    """What starts the JVM of one task (catalog/Submit.java): the same Java, flags, jars and settings as the engine's.

    Parameters: ``directory``: the task's, for logs and temporary files. Returns: ``command``, and the ``settings`` for
    its standard input; the caller adds ``arguments`` (of spark-submit) and ``result`` (a file). They hold secrets.
    """
    config = engine.config
    parts = gather(config)
    own = directory / "jvm"
    (own / "tmp").mkdir(parents=True, exist_ok=True)
    archived = parts.archive.use_flags(own) if config.class_archive else []
    flags = [*archived, *parts.flags, *confs.directory_flags(own)]
    conf = {**engine.conf(), "spark.local.dir": str(own / "local"), "spark.jars.ivy": str(config.cache / "ivy")}
    return {
        "command": [str(parts.java.executable), *flags, "-cp", os.pathsep.join(map(str, parts.classpath)), MAIN],
        "settings": {"conf": conf, "catalog_url": config.catalog_url, "catalog_token": config.token},
    }
