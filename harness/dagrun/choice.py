"""A part of a DAG, and stand-ins for tasks that touch third parties."""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Names = str | Iterable[str]
NO_FIELDS: tuple[str, ...] = ()


class TaskNotFound(LookupError):
    """A DAG has no such task, nor a group of that name. The message names near ones."""


class BadChoice(ValueError):
    """Tasks cannot be chosen, or replaced, like that."""


@dataclass(frozen=True)
class Choice:
    """Which of a DAG's tasks run, and what the others are.

    ``run``: ids of the tasks that run, ``None`` for all; ``before``: those that they depend on, directly or not, taken
    for done; ``mocks``: task id to what it returns, a callable that gets the context, or an exception to raise.
    """

    run: frozenset[str] | None
    before: frozenset[str]
    mocks: Mapping[str, Any]

    @contextlib.contextmanager
    def stand_ins(self, dag: Any) -> Iterator[None]:
        """Let the mocked tasks do what their mocks say meanwhile: their retries, callbacks and XComs are their own."""
        with contextlib.ExitStack() as restored:
            for name, mock in self.mocks.items():
                if name not in self.before:
                    _replace(dag.get_task(name), mock, restored)
            yield

    def prepare(self, run: Any, session: Any) -> None:
        """Give a new run's task instances the states that the choice means, before anything is scheduled.

        What does not run has no task instance; what lies before is a success with the XCom of its mock.
        """
        if self.run is None:
            return
        for instance in run.get_task_instances(session=session):
            if instance.task_id in self.before:
                instance.state = "success"
                if instance.task_id in self.mocks:
                    _push(run, instance, self.mocks[instance.task_id], session)
            elif instance.task_id not in self.run:
                session.delete(instance)
        session.commit()


EVERYTHING = Choice(None, frozenset(), {})


def choose(
    dag: Any,
    *,
    only: Names | None = None,
    start: Names | None = None,
    until: Names | None = None,
    mocks: Mapping[str, Any] | None = None,
) -> Choice:
    """Which tasks of ``dag`` run.

    Parameters: names are ids of tasks or of task groups. ``only``: these; ``start``: these and all that follow them;
    ``until``: these and all that they follow; both: what is between. ``mocks``: see :class:`Choice`.
    Raises: ``TaskNotFound``; ``BadChoice`` for ``only`` with another, or a mock that has no place.
    """
    if only is not None and (start is not None or until is not None):
        raise BadChoice("only=… says all: leave start=… and until=… out")
    known = set(dag.task_dict)
    stand_ins = {_task(dag, name): mock for name, mock in (mocks or {}).items()}
    if only is None and start is None and until is None:
        return Choice(None, frozenset(), stand_ins)
    if only is not None:
        chosen = _tasks(dag, only)
    else:
        after = known if start is None else _with(dag, _tasks(dag, start), upstream=False)
        chosen = after & (known if until is None else _with(dag, _tasks(dag, until), upstream=True))
        if not chosen:
            raise BadChoice(f"nothing of {dag.dag_id} is between start={start!r} and until={until!r}")
    before = _with(dag, chosen, upstream=True) - chosen
    for name, mock in stand_ins.items():
        if name not in chosen | before:
            raise BadChoice(f"mocks: task {name!r} is not part of this run, and nothing of it depends on that task")
        if name in before and (callable(mock) or isinstance(mock, BaseException)):
            raise BadChoice(f"mocks: task {name!r} does not run, so its mock must be the value that it has returned")
    for name in sorted(chosen):
        _check_mapping(dag.get_task(name), before, stand_ins)
    return Choice(frozenset(chosen), frozenset(before), stand_ins)


def _check_mapping(task: Any, before: set[str], mocks: Mapping[str, Any]) -> None:
    """A mapped task is as many instances as its input is long: that must be known."""
    inputs = {operator.task_id for operator in task.iter_mapped_dependencies()} if task.is_mapped else set()
    group = task.get_closest_mapped_task_group()
    if group is not None:
        inputs |= {operator.task_id for operator in group.iter_mapped_dependencies()}
        if inside := {each.task_id for each in group.iter_tasks()} & before:
            raise BadChoice(
                f"task {task.task_id!r} is mapped together with {', '.join(sorted(inside))}: choose its group"
            )
    for name in sorted(inputs & before):
        if not isinstance(mocks.get(name), (list, tuple, dict)):
            raise BadChoice(
                f"task {task.task_id!r} is expanded over what {name!r} returns, which does not run: "
                f"give it with mocks={{{name!r}: […]}}"
            )


def _with(dag: Any, names: set[str], *, upstream: bool) -> set[str]:
    return names | {other for name in names for other in dag.get_task(name).get_flat_relative_ids(upstream=upstream)}


def _tasks(dag: Any, names: Names) -> set[str]:
    found: set[str] = set()
    groups = dag.task_group.get_task_group_dict()
    for name in [names] if isinstance(names, str) else names:
        if name in dag.task_dict:
            found.add(name)
        elif name and name in groups:
            found |= {task.task_id for task in groups[name].iter_tasks()}
        else:
            raise _unknown(dag, name, [*dag.task_dict, *filter(None, groups)])
    return found


def _task(dag: Any, name: str) -> str:
    if name not in dag.task_dict:
        raise _unknown(dag, name, list(dag.task_dict))
    return name


def _unknown(dag: Any, name: str, known: list[str]) -> TaskNotFound:
    near = difflib.get_close_matches(name, known, n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else f"it has {', '.join(known)}."
    return TaskNotFound(f"DAG {dag.dag_id} has no task {name!r}: {hint}")


def _replace(task: Any, mock: Any, restored: contextlib.ExitStack) -> None:
    def execute(context: Any) -> Any:
        if isinstance(mock, BaseException):
            raise mock
        return mock(context) if callable(mock) else mock

    if task.is_mapped:
        operator = task.operator_class
        stand_in = type(
            operator.__name__,
            (operator,),
            {"execute": lambda self, context: execute(context), "template_fields": NO_FIELDS},
        )
        restored.callback(setattr, task, "operator_class", operator)
        task.operator_class = stand_in
        return
    # The templates of a task that does not run may need what only production has.
    for name, value in (("execute", execute), ("template_fields", NO_FIELDS)):
        if name in vars(task):
            restored.callback(vars(task).__setitem__, name, vars(task)[name])
        else:
            restored.callback(vars(task).pop, name)
        vars(task)[name] = value


def _push(run: Any, instance: Any, value: Any, session: Any) -> None:
    from airflow.models.taskinstance import TaskInstance
    from airflow.models.taskmap import TaskMap
    from airflow.models.xcom import XComModel
    from airflow.sdk.serde import serialize

    task = run.get_dag().get_task(instance.task_id)
    if task.is_mapped and not isinstance(value, (list, tuple)):
        raise BadChoice(f"mocks: task {instance.task_id!r} is mapped: give the list of what its instances return")
    common = {"task_id": instance.task_id, "dag_id": run.dag_id, "run_id": run.run_id}
    if task.is_mapped and value:
        # As Airflow expands it: the one instance becomes the first of many.
        instance.map_index = 0
        for index in range(1, len(value)):
            more = TaskInstance(
                task, run_id=run.run_id, map_index=index, state="success", dag_version_id=instance.dag_version_id
            )
            session.add(more)
    elif task.is_mapped:
        instance.state = "skipped"
    session.flush()
    for index, each in enumerate(value) if task.is_mapped else [(-1, value)]:
        # As the Execution API keeps what a task's process has serialised.
        XComModel.set("return_value", serialize(each), map_index=index, serialize=False, session=session, **common)
    if not task.is_mapped and isinstance(value, (list, tuple, dict)):
        keys = list(value) if isinstance(value, dict) else None
        session.merge(TaskMap(map_index=-1, length=len(value), keys=keys, **common))
