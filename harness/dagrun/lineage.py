"""What the tasks of a run have read and written: tables and objects, task by task. Who looks is elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from harness.dagrun.work import NO_OBJECTS, NotObserved


@dataclass(frozen=True)
class TaskLineage:
    """What one task has read and written; names are sorted, each there once.

    ``task_id``: with its map index, as ``TaskResult.name``; empty for what happened while no task ran.
    ``tables_read``, ``tables_written``: full names. ``paths_read``, ``paths_written``: addresses that Spark was given.
    ``read``, ``written``: S3 objects that others than Spark have touched, ``None`` where nobody could see.
    """

    task_id: str
    tables_read: tuple[str, ...] = ()
    tables_written: tuple[str, ...] = ()
    paths_read: tuple[str, ...] = ()
    paths_written: tuple[str, ...] = ()
    read: tuple[str, ...] | None = None
    written: tuple[str, ...] | None = None

    @property
    def objects_read(self) -> tuple[str, ...]:
        """Addresses of objects, and of files and folders that Spark was given. Raises: ``NotObserved``."""
        return _both(self.paths_read, self.read)

    @property
    def objects_written(self) -> tuple[str, ...]:
        """Addresses of objects, and of files and folders that Spark was given. Raises: ``NotObserved``."""
        return _both(self.paths_written, self.written)


@dataclass(frozen=True)
class Lineage:
    """The lineage of one run. ``tasks``: those of its tasks that have read or written, in the order of the run."""

    tasks: tuple[TaskLineage, ...] = field(default=())
    objects_seen: bool = True

    def task(self, task_id: str) -> TaskLineage:
        """A task's lineage, empty for one that has touched no data."""
        nothing: tuple[str, ...] | None = () if self.objects_seen else None
        empty = TaskLineage(task_id, read=nothing, written=nothing)
        return next((task for task in self.tasks if task.task_id == task_id), empty)

    def __iter__(self) -> Iterator[TaskLineage]:
        return iter(self.tasks)

    @property
    def tables_read(self) -> tuple[str, ...]:
        return united(task.tables_read for task in self.tasks)

    @property
    def tables_written(self) -> tuple[str, ...]:
        return united(task.tables_written for task in self.tasks)

    @property
    def objects_read(self) -> tuple[str, ...]:
        """Raises: ``NotObserved``."""
        self._seen()
        return united(task.objects_read for task in self.tasks)

    @property
    def objects_written(self) -> tuple[str, ...]:
        """Raises: ``NotObserved``."""
        self._seen()
        return united(task.objects_written for task in self.tasks)

    def _seen(self) -> None:
        if not self.objects_seen:
            raise NotObserved(NO_OBJECTS)


def united(parts: Iterable[Iterable[str]]) -> tuple[str, ...]:
    """All of them, sorted, each once."""
    return tuple(sorted({each for part in parts for each in part}))


def _both(paths: tuple[str, ...], objects: tuple[str, ...] | None) -> tuple[str, ...]:
    if objects is None:
        raise NotObserved(NO_OBJECTS)
    return united([paths, objects])
