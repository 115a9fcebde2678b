"""The jobs of the corpus: one documented behaviour of tasks together each, with the page that documents it
(docs.databricks.com).

Tasks run the notebooks of :data:`NOTEBOOKS`; ``@name`` in a specification stands for such a notebook's path, for
``other`` for the id of the job made of a case's ``other`` tasks.
"""

# ruff: noqa: E501 (a task is easier to read in one line)
from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

NOTEBOOKS = {
    "good": "print('ran')",
    "bad": "raise ValueError('on purpose')",
    "echo": "dbutils.notebook.exit(dbutils.widgets.get('v'))",
    "leaves": "import json\nfor name, value in json.loads(dbutils.widgets.get('v')).items():\n"
    "    dbutils.jobs.taskValues.set(name, value)",
    "reads": "dbutils.notebook.exit(dbutils.jobs.taskValues.get(dbutils.widgets.get('of'), dbutils.widgets.get('v')))",
    "endless": "import threading\nthreading.Event().wait()",
    "second_try": "n = dbutils.widgets.get('v')\nif n == '1':\n    raise ValueError('first')\ndbutils.notebook.exit(n)",
}
SCRIPTS = {
    "arguments": "import sys\nprint(sys.argv[1:], spark.range(2).count())\n",
    "names": "import os\nprint(__name__, os.path.basename(__file__), dbutils.widgets.getAll())\n",
}


@dataclass(frozen=True)
class JobCase:
    """``name``: a sentence. ``ends``: the result of each task; ``results``: exit values, ``logs``: what tasks print,
    ``errors``: how errors begin, by task; ``state``: of the run. ``parameters``: the job's; ``given``: to the run."""

    name: str
    page: str
    tasks: tuple[Mapping[str, Any], ...]
    ends: Mapping[str, str]
    results: Mapping[str, str] = field(default_factory=dict)
    logs: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    state: str = "SUCCESS"
    parameters: Mapping[str, str] = field(default_factory=dict)
    given: Mapping[str, str] = field(default_factory=dict)
    other: tuple[Mapping[str, Any], ...] = ()

    @property
    def key(self) -> str:
        return re.sub(r"\W+", "_", self.name)[:95]


def task(key: str, notebook: str, *after: str, v: str | None = None, of: str = "", **fields: Any) -> dict[str, Any]:
    """A task of a notebook. ``after``: the tasks before it, those of a branch as ``task=true``."""
    given = {name: value for name, value in (("v", v), ("of", of or None)) if value is not None}
    body = {"notebook_path": f"@{notebook}", "base_parameters": given}
    return {"task_key": key, "notebook_task": body, **behind(*after), **fields}


def behind(*after: str) -> dict[str, Any]:
    made = []
    for text in after:
        key, _, outcome = text.partition("=")
        made.append({"task_key": key, **({"outcome": outcome} if outcome else {})})
    return {"depends_on": made} if made else {}


def compare(key: str, left: str, op: str, right: str, *after: str, **fields: Any) -> dict[str, Any]:
    """An If/else task."""
    return {"task_key": key, "condition_task": {"left": left, "op": op, "right": right}, **behind(*after), **fields}


def loop(key: str, inputs: str, inner: dict[str, Any], *after: str, **more: Any) -> dict[str, Any]:
    """A For each task."""
    return {"task_key": key, "for_each_task": {"inputs": inputs, "task": inner, **more}, **behind(*after)}


DEPENDENCIES = "Configure task dependencies"
BRANCHES = "Add branching logic to a job with the If/else task"
LOOPS = "Use a For each task to run another task in a loop"
REFERENCES = "What is a dynamic value reference?"
VALUES = "Use task values to pass information between tasks"
PARAMETERS = "Parameterize jobs"
RUN_JOB = "Run Job task for jobs"
SCRIPTS_PAGE = "Python script task for jobs"
RETRIES = "Set thresholds and retries for a task"
STATUS = "How does Databricks determine job run status?"

JOBS = [
    # ---- what runs after what ------------------------------------------------------------------------------
    JobCase("after a failure nothing runs that waits for success", DEPENDENCIES,
            (task("a", "bad"), task("b", "good", "a"), task("c", "good", "b")),
            {"a": "FAILED", "b": "UPSTREAM_FAILED", "c": "UPSTREAM_FAILED"}, state="FAILED"),
    JobCase("at least one success is enough", DEPENDENCIES,
            (task("a", "bad"), task("b", "good"), task("c", "good", "a", "b", run_if="AT_LEAST_ONE_SUCCESS")),
            {"a": "FAILED", "b": "SUCCESS", "c": "SUCCESS"}, state="SUCCESS_WITH_FAILURES"),
    JobCase("all done runs whatever came before", DEPENDENCIES,
            (task("a", "bad"), task("b", "echo", "a", run_if="ALL_DONE", v="{{tasks.a.result_state}}")),
            {"a": "FAILED", "b": "SUCCESS"}, results={"b": "failed"}, state="SUCCESS_WITH_FAILURES"),
    JobCase("a task for failures is excluded when there is none", DEPENDENCIES,
            (task("a", "good"), task("b", "good", "a", run_if="AT_LEAST_ONE_FAILED")),
            {"a": "SUCCESS", "b": "EXCLUDED"}),
    JobCase("all failed needs every failure", DEPENDENCIES,
            (task("a", "bad"), task("b", "bad"), task("c", "good"),
             task("both", "good", "a", "b", run_if="ALL_FAILED"), task("not_all", "good", "a", "c", run_if="ALL_FAILED")),
            {"a": "FAILED", "b": "FAILED", "c": "SUCCESS", "both": "SUCCESS", "not_all": "EXCLUDED"},
            state="SUCCESS_WITH_FAILURES"),
    JobCase("none failed takes an excluded task for a success", DEPENDENCIES,
            (compare("if", "1", "EQUAL_TO", "2"), task("yes", "good", "if=true"), task("no", "good", "if=false"),
             task("end", "good", "yes", "no", run_if="NONE_FAILED")),
            {"if": "SUCCESS", "yes": "EXCLUDED", "no": "SUCCESS", "end": "SUCCESS"}),
    JobCase("a failing last task fails the run", STATUS, (task("a", "good"), task("b", "bad", "a")),
            {"a": "SUCCESS", "b": "FAILED"}, errors={"b": "ValueError: on purpose"}, state="FAILED"),
    JobCase("a task that takes too long times out", RETRIES,
            (task("a", "endless", timeout_seconds=1), task("b", "good", "a", run_if="ALL_DONE")),
            {"a": "TIMEDOUT", "b": "SUCCESS"}, state="SUCCESS_WITH_FAILURES"),
    JobCase("a retry knows which attempt it is", RETRIES,
            (task("a", "second_try", v="{{task.execution_count}}", max_retries=1),), {"a": "SUCCESS"}, results={"a": "2"}),
    # ---- branches ------------------------------------------------------------------------------------------
    JobCase("equality compares texts and order compares numbers", BRANCHES,
            (compare("texts", "12.0", "EQUAL_TO", "12"), compare("numbers", "12.0", "GREATER_THAN_OR_EQUAL", "12"),
             compare("not_by_letters", "9", "LESS_THAN", "10"), task("a", "good", "texts=true"),
             task("b", "good", "numbers=true"), task("c", "good", "not_by_letters=true")),
            {"a": "EXCLUDED", "b": "SUCCESS", "c": "SUCCESS"}),
    JobCase("a branch is chosen by a task value", BRANCHES,
            (task("count", "leaves", v='{"bad_rows": 3}'),
             compare("if", "{{tasks.count.values.bad_rows}}", "GREATER_THAN", "0", "count"),
             task("clean", "good", "if=true"), task("load", "good", "if=false")),
            {"count": "SUCCESS", "if": "SUCCESS", "clean": "SUCCESS", "load": "EXCLUDED"}),
    JobCase("what follows an excluded task is excluded", BRANCHES,
            (compare("if", "a", "NOT_EQUAL", "a"), task("b", "good", "if=true"), task("c", "good", "b")),
            {"if": "SUCCESS", "b": "EXCLUDED", "c": "EXCLUDED"}),
    JobCase("a branch is chosen by a job parameter", BRANCHES,
            (compare("if", "{{job.parameters.env}}", "EQUAL_TO", "prod"), task("yes", "good", "if=true"),
             task("no", "good", "if=false")),
            {"yes": "SUCCESS", "no": "EXCLUDED"}, parameters={"env": "dev"}, given={"env": "prod"}),
    # ---- loops ---------------------------------------------------------------------------------------------
    JobCase("a loop gives each element to its task", LOOPS,
            (loop("all", '["x", "y", "z"]', task("one", "echo", v="{{input}}"), concurrency=3),), {"all": "SUCCESS"}),
    JobCase("an element's field is a reference", LOOPS,
            (loop("all", '[{"n": {"m": "deep"}}]', task("one", "second_try", v="{{input.n.m}}")),), {"all": "SUCCESS"}),
    JobCase("a loop takes its elements from a task value", LOOPS,
            (task("list", "leaves", v='{"days": ["1", "2"]}'),
             loop("all", "{{tasks.list.values.days}}", task("one", "second_try", v="{{input}}"), "list")),
            {"list": "SUCCESS", "all": "FAILED"}, state="FAILED"),
    JobCase("a loop over nothing succeeds", LOOPS, (loop("all", "[]", task("one", "bad")), task("b", "good", "all")),
            {"all": "SUCCESS", "b": "SUCCESS"}),
    JobCase("a loop over what is no array fails", LOOPS, (loop("all", "no array", task("one", "good")),),
            {"all": "FAILED"}, state="FAILED"),
    # ---- parameters, references and values -----------------------------------------------------------------
    JobCase("a job parameter goes before the task's own", PARAMETERS, (task("a", "echo", v="of the task"),),
            {"a": "SUCCESS"}, results={"a": "of the job"}, parameters={"v": "of the job"}),
    JobCase("what the run is given goes before the default", PARAMETERS, (task("a", "echo"),), {"a": "SUCCESS"},
            results={"a": "given"}, parameters={"v": "default"}, given={"v": "given"}),
    JobCase("a job parameter may be a reference itself", REFERENCES, (task("a", "echo"),), {"a": "SUCCESS"},
            results={"a": "run of a job parameter may be a reference itself"},
            parameters={"v": "run of {{job.name}}"}),
    JobCase("a task before is asked for its name and notebook", REFERENCES,
            (task("a", "good"), task("b", "echo", "a", v="{{tasks.a.name}} {{tasks.a.notebook_path}}")),
            {"b": "SUCCESS"}, results={"b": "a /Users/harness@localhost/jobs/good"}),
    JobCase("an unknown reference fails the task", REFERENCES, (task("a", "echo", v="{{job.no_such_thing}}"),),
            {"a": "FAILED"}, state="FAILED"),
    JobCase("values of two tasks meet in a third", VALUES,
            (task("a", "leaves", v='{"n": 1}'), task("b", "leaves", v='{"n": [2]}'),
             task("c", "echo", "a", "b", v="{{tasks.a.values.n}} and {{tasks.b.values.n}}")),
            {"c": "SUCCESS"}, results={"c": "1 and [2]"}),
    JobCase("a value is read by the key of its task", VALUES,
            (task("a", "leaves", v='{"n": "from a"}'), task("b", "leaves", "a", v='{"n": "from b"}'),
             task("c", "reads", "b", of="a", v="n")),
            {"c": "SUCCESS"}, results={"c": "from a"}),
    # ---- other kinds of tasks ------------------------------------------------------------------------------
    JobCase("a job runs another with parameters of its own", RUN_JOB,
            ({"task_key": "a", "run_job_task": {"job_id": "@other", "job_parameters": {"v": "handed down"}}},
             task("b", "good", "a")),
            {"a": "SUCCESS", "b": "SUCCESS"}, other=(compare("if", "{{job.parameters.v}}", "EQUAL_TO", "handed down"),
                                                     task("x", "bad", "if=false"))),
    JobCase("a job that fails fails the task that runs it", RUN_JOB,
            ({"task_key": "a", "run_job_task": {"job_id": "@other"}}, task("b", "good", "a")),
            {"a": "FAILED", "b": "UPSTREAM_FAILED"}, other=(task("x", "bad"),), state="FAILED"),
    JobCase("a script has its parameters as arguments", SCRIPTS_PAGE,
            ({"task_key": "a", "spark_python_task": {"python_file": "@arguments.py",
                                                     "parameters": ["--day", "{{job.parameters.day}}"]}},),
            {"a": "SUCCESS"}, logs={"a": "['--day', 'monday'] 2\n"}, parameters={"day": "monday"}),
    JobCase("a script is the main module and has a file", SCRIPTS_PAGE,
            ({"task_key": "a", "spark_python_task": {"python_file": "@names.py"}},), {"a": "SUCCESS"},
            logs={"a": "__main__ names.py {}\n"}),
]  # fmt: skip
