"""What a kernel is told to execute for a task, by its kind."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.kernel.spec import Gateway, KernelSpec
from harness.kernel.submitarguments import refused
from harness.lake.paths import PathNotFound, WorkspacePaths, normal
from harness.runner import cluster, dbtenvironment, gitfiles, pipelinesources
from harness.runner.dbtcommands import unusable
from harness.runner.dbttask import DbtCommands, Target
from harness.runner.forks import kernel_environment
from harness.runner.references import Context, UnknownReference, as_text, context_of, resolve
from harness.runner.rules import RULES, Rules
from harness.runner.run import Run, TaskRun
from harness.runner.scheduler import latest_tasks
from harness.runner.taskkinds import JVM_LIBRARIES, CannotRun, jar_lines, requirement_lines

if TYPE_CHECKING:
    from harness.lake.engine import Engine


@dataclass(frozen=True)
class Surroundings:
    """What is the same for all tasks of a workspace. ``cache``: the user's."""

    paths: WorkspacePaths
    workspace_url: str
    token: str
    user: str
    environment: Mapping[str, str]
    cache: Path
    workspace_id: str = "0"
    rules: Rules = RULES

    @property
    def workspace(self) -> dict[str, str]:
        """What ``{{workspace.…}}`` knows."""
        return {"id": self.workspace_id, "url": self.workspace_url}


def s3_environment(engine: Engine) -> dict[str, str]:
    """What leads boto3 and its like in notebooks to the same S3 as Spark."""
    s3 = engine.config.s3
    if s3 is None:
        return {}
    return {
        "AWS_ENDPOINT_URL": s3.url,
        **({"AWS_ENDPOINT_URL_STS": s3.sts_url} if s3.sts_url else {}),
        "AWS_ACCESS_KEY_ID": s3.access_key,
        "AWS_SECRET_ACCESS_KEY": s3.secret_key,
        "AWS_DEFAULT_REGION": s3.region,
    }


def notebook_environment(engine: Engine, mlflow: Path | None) -> dict[str, str]:
    """What leads clients in notebooks to what is local: to the S3 of Spark, and MLflow to the folder ``mlflow``.

    MLflow 3 keeps runs in folders only when it is told that it may; its databases need more than mlflow-skinny has.
    """
    store = {"MLFLOW_TRACKING_URI": mlflow.as_uri(), "MLFLOW_ALLOW_FILE_STORE": "true"} if mlflow else {}
    return {**s3_environment(engine), **store}


def kernel_spec(run: Run, task: TaskRun, gateway: Gateway, around: Surroundings) -> KernelSpec:
    """What the kernel of one attempt executes.

    Raises: ``CannotRun`` when the notebook or file does not exist or a reference names nothing.
    """
    try:
        context = context_of(run, task, around.workspace)
        if "notebook_task" in task.spec:
            what = _notebook(run, task, context, around)
        elif "python_wheel_task" in task.spec:
            what = _wheel(run, task, context, around)
        elif "spark_jar_task" in task.spec:
            what = _jar(run, task, context, around)
        elif "spark_submit_task" in task.spec:
            what = _submit(run, task, context, around)
        elif "pipeline_update" in task.spec:
            what = pipelinesources.update(task.spec["pipeline_update"], around.paths)
        else:
            what = _script(run, task, context, around)
    except UnknownReference as error:
        raise CannotRun(str(error)) from error
    machine = cluster.cluster_of(run, task)
    return KernelSpec(
        **what,
        directory=task.directory,
        gateway=gateway,
        workspace_url=around.workspace_url,
        token=around.token,
        roots={prefix: str(folder) for prefix, folder in around.paths.roots.items()},
        context=_identity(run, task, around),
        environment={**around.environment, "DATABRICKS_RUNTIME_VERSION": cluster.runtime(machine)},
        # What leads to the local S3 stays ours.
        variables={k: v for k, v in cluster.variables(machine).items() if k not in around.environment},
        conf=cluster.conf(machine, run, task, around.workspace),
        libraries=requirement_lines(_python_libraries(task)) + _dependencies(run, task),
        cluster_libraries=_lines_of_each(cluster.libraries(run, task)),
        cache=str(around.cache / "packages"),
        task_values={
            key: other.output.task_values for key, other in latest_tasks(run).items() if other.output.task_values
        },
        memory=around.rules.memory,
        access_mode=str(machine.get("data_security_mode") or ""),
        **around.rules.scripts(machine, run, task),
    )


def _notebook(run: Run, task: TaskRun, context: Context, around: Surroundings) -> dict[str, Any]:
    body = task.spec["notebook_task"]
    path = gitfiles.path_of("notebook_task", body, run.settings)
    try:
        notebook = around.paths.notebook(path)
    except (PathNotFound, ValueError) as error:
        # Word for word what the service says.
        raise CannotRun(
            f'Unable to access the notebook "{path}" in the workspace. Either it does not exist, or the identity '
            f"used to run this job, {around.user}, lacks the required permissions."
        ) from error
    # "notebook_params" override base_parameters; a job parameter takes precedence over a task parameter of its name.
    own = {**(body.get("base_parameters") or {}), **(run.parameters.get("notebook_params") or {})}
    own = {name: as_text(value) for name, value in own.items()}
    return {
        "kind": "notebook",
        "path": str(notebook.path),
        "workspace_path": notebook.workspace_path,
        "parameters": {**resolve(own, context), **context.job_parameters},
    }


def _script(run: Run, task: TaskRun, context: Context, around: Surroundings) -> dict[str, Any]:
    body = task.spec["spark_python_task"]
    name = gitfiles.path_of("spark_python_task", body, run.settings).removeprefix("file:")
    try:
        in_workspace = around.paths.local(name)
    except (PathNotFound, ValueError):
        in_workspace = Path(name)
    file = next((path for path in (in_workspace, Path(name)) if path.is_absolute() and path.is_file()), None)
    if file is None:
        raise CannotRun(f"Cannot read the python file {name}: it does not exist in the workspace or on this machine.")
    # "python_params" of run-now replace the task's own.
    arguments = run.parameters.get("python_params") or body.get("parameters") or []
    return {
        "kind": "python",
        "path": str(file),
        "workspace_path": normal(name) if file == in_workspace and name.startswith("/") else name,
        "arguments": [as_text(argument) for argument in resolve(list(arguments), context)],
    }


def _wheel(run: Run, task: TaskRun, context: Context, around: Surroundings) -> dict[str, Any]:
    body = task.spec["python_wheel_task"]
    # What run-now gives replaces the task's own; named parameters come as "--name=value" (databricks-sdk, run_now).
    given = run.parameters.get("python_params") or body.get("parameters") or []
    named = run.parameters.get("python_named_params") or body.get("named_parameters")
    # Resolved apart: what a job parameter says is no reference of the task's.
    pushed = {} if named is None else context.job_parameters
    keywords = {**resolve(dict(named or {}), context), **pushed}
    return {
        "kind": "wheel",
        "path": str(around.rules.driver(run, task) / "wheel"),
        "workspace_path": str(body["package_name"]),
        "package": str(body["package_name"]),
        "entry_point": str(body["entry_point"]),
        "arguments": [
            *(as_text(argument) for argument in resolve(list(given), context)),
            *(f"--{name}={as_text(value)}" for name, value in keywords.items()),
        ],
    }


def _jar(run: Run, task: TaskRun, context: Context, around: Surroundings) -> dict[str, Any]:
    body = task.spec["spark_jar_task"]
    given = run.parameters.get("jar_params") or body.get("parameters") or []
    jars, options = jar_lines([*cluster.libraries(run, task), *(task.spec.get("libraries") or [])])
    return {
        "kind": "jar",
        "path": str(around.rules.driver(run, task) / "jar"),
        "workspace_path": str(body["main_class_name"]),
        "entry_point": str(body["main_class_name"]),
        "arguments": [as_text(argument) for argument in resolve(list(given), context)],
        "jars": [*([str(body["jar_uri"])] if body.get("jar_uri") else []), *jars],
        "options": options,
    }


def _submit(run: Run, task: TaskRun, context: Context, around: Surroundings) -> dict[str, Any]:
    body = task.spec["spark_submit_task"]
    given = run.parameters.get("spark_submit_params") or body["parameters"]
    arguments = [as_text(argument) for argument in resolve(list(given), context)]
    if reason := refused(arguments):
        raise CannotRun(f"spark_submit_task.parameters: {reason}")
    return {
        "kind": "submit",
        "path": str(around.rules.driver(run, task) / "submit"),
        "workspace_path": "spark-submit",
        "arguments": arguments,
    }


def dbt_commands(run: Run, task: TaskRun, around: Surroundings) -> DbtCommands:
    """What a ``dbt_task`` executes. Raises: ``CannotRun``, ``UnknownReference``."""
    body = resolve(task.spec["dbt_task"], context_of(run, task, around.workspace))
    # "dbt_commands" of run-now replace the task's own.
    commands = run.parameters.get("dbt_commands") or body["commands"]
    if reason := unusable(commands):
        raise CannotRun(f"dbt_commands {reason}")
    name = gitfiles.path_of("dbt_task", body, run.settings).rstrip("/")
    try:
        project = around.paths.local(name)
    except (PathNotFound, ValueError):
        project = Path()
    if not project.is_absolute() or not project.is_dir():
        raise CannotRun(f"Cannot read the dbt project {name}: it does not exist in the workspace.")
    variables = cluster.variables(cluster.cluster_of(run, task))
    if secret := next((key for key, value in variables.items() if "{{secrets/" in value), None):
        raise CannotRun(f"spark_env_vars.{secret} names a secret, which is not supported for a dbt_task here.")
    shared = [line for lines in _lines_of_each(cluster.libraries(run, task)) for line in lines]
    lines = [*shared, *requirement_lines(task.spec.get("libraries") or []), *_dependencies(run, task)]
    python = dbtenvironment.environment(around.cache, lines, around.paths)
    directory = Path(task.directory)
    directory.mkdir(parents=True, exist_ok=True)
    target = Target(
        around.workspace_url,
        around.token,
        str(body.get("warehouse_id") or ""),
        str(body.get("catalog") or ""),
        str(body.get("schema") or "default"),
    )
    return DbtCommands(
        commands,
        python,
        project,
        str(body.get("profiles_directory") or ""),
        target,
        directory,
        {**kernel_environment(directory, str(python)), **variables},
    )


def _identity(run: Run, task: TaskRun, around: Surroundings) -> dict[str, str]:
    return {
        "job_id": str(run.job_id),
        "run_id": str(run.run_id),
        "task_run_id": str(task.run_id),
        "task_key": task.task_key,
        "run_name": run.name,
        "user": around.user,
        "org_id": around.workspace_id,
        "cluster_id": cluster.cluster_id(run, task),
    }


def _python_libraries(task: TaskRun) -> list[Mapping[str, Any]]:
    libraries = task.spec.get("libraries") or []
    return [each for each in libraries if "spark_jar_task" not in task.spec or not JVM_LIBRARIES & set(each)]


def _lines_of_each(libraries: list[dict[str, Any]]) -> list[list[str]]:
    """The lines of each library of Python; others are not for kernels."""
    found = []
    for library in libraries:
        with contextlib.suppress(CannotRun):
            found.append(requirement_lines([library]))
    return found


def _dependencies(run: Run, task: TaskRun) -> list[str]:
    for environment in run.settings.get("environments") or []:
        if environment.get("environment_key") == task.spec.get("environment_key"):
            return [str(text) for text in (environment.get("spec") or {}).get("dependencies") or []]
    return []
