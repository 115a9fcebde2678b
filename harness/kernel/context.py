"""Who and where a notebook is, in the shapes that notebooks ask for it: ``entry_point…getContext()``, ``dbruntime``."""

from __future__ import annotations

import json
import sys
import types
from typing import Any

from harness.kernel.spec import KernelSpec


class Option:
    """A Scala ``Option`` as py4j shows it: what the context's getters return."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def get(self) -> Any:
        if self._value is None:
            raise LookupError("None.get")
        return self._value

    def getOrElse(self, default: Any) -> Any:
        return default if self._value is None else self._value

    def isDefined(self) -> bool:
        return self._value is not None

    def isEmpty(self) -> bool:
        return self._value is None


class Tags(dict[str, str]):
    """The context's tags, a Scala map: ``tags().get("jobId").get()``, ``tags().apply("jobId")``."""

    def get(self, name: str, default: Any = None) -> Any:
        return Option(super().get(name, default))

    def apply(self, name: str) -> str:
        return self[name]


class NotebookContext:
    """``dbutils.notebook.entry_point.getDbutils().notebook().getContext()``."""

    def __init__(self, spec: KernelSpec) -> None:
        self._spec = spec
        who = spec.context
        self._tags = {
            "jobId": who.get("job_id", ""),
            "runId": who.get("task_run_id", ""),
            "multitaskParentRunId": who.get("run_id", ""),
            "taskKey": who.get("task_key", ""),
            "jobName": who.get("run_name", ""),
            "user": who.get("user", ""),
            "orgId": who.get("org_id", ""),
            "clusterId": who.get("cluster_id", ""),
            "browserHostName": spec.workspace_url.partition("://")[2],
        }

    def notebookPath(self) -> Option:
        # Without the /Workspace prefix, as the service gives it.
        return Option(self._spec.workspace_path.removeprefix("/Workspace"))

    def apiUrl(self) -> Option:
        return Option(self._spec.workspace_url)

    def apiToken(self) -> Option:
        return Option(self._spec.token)

    def userName(self) -> Option:
        return Option(self._tags["user"])

    def jobId(self) -> Option:
        return Option(self._tags["jobId"] or None)

    def currentRunId(self) -> Option:
        return Option(self._tags["runId"] or None)

    def clusterId(self) -> Option:
        return Option(self._tags["clusterId"] or None)

    def workspaceId(self) -> Option:
        return Option(self._tags["orgId"] or None)

    def browserHostName(self) -> Option:
        return Option(self._tags["browserHostName"])

    def tags(self) -> Tags:
        return Tags(self._tags)

    def toJson(self) -> str:
        """The context as JSON, with the keys that notebooks read from it."""
        return json.dumps(
            {
                "currentRunId": {"id": self._tags["runId"]},
                "rootRunId": {"id": self._tags["multitaskParentRunId"]},
                "jobGroup": self._spec.gateway.tag,
                "tags": self._tags,
                "extraContext": {
                    "notebook_path": self.notebookPath().get(),
                    "api_url": self._spec.workspace_url,
                    "api_token": self._spec.token,
                },
            }
        )

    def safeToJson(self) -> str:
        """What of the context is no secret, as JSON: ``{"attributes": {…}}``."""
        tags = self._tags
        known = {**tags, "currentRunId": tags["runId"], "rootRunId": tags["multitaskParentRunId"]}
        return json.dumps({"attributes": {**known, "notebook_path": self.notebookPath().get()}})

    def repl(self) -> types.SimpleNamespace:
        """``dbruntime.databricks_repl_context.get_context()``: the same as attributes."""
        return types.SimpleNamespace(
            apiToken=self._spec.token,
            apiUrl=self._spec.workspace_url,
            browserHostName=self._tags["browserHostName"],
            clusterId=self._tags["clusterId"],
            currentRunId=self._tags["runId"],
            isInJob=bool(self._tags["runId"]),
            jobId=self._tags["jobId"],
            notebookPath=self.notebookPath().get(),
            rootRunId=self._tags["multitaskParentRunId"],
            user=self._tags["user"],
            workspaceId=self._tags["orgId"],
            workspaceUrl=None,  # databricks-sdk would sign in there, over HTTPS; without, it asks `apiUrl`
        )


class EntryPoint:
    """``dbutils.notebook.entry_point`` and ``dbutils.entry_point``: Scala's dbutils seen through py4j."""

    def __init__(self, context: NotebookContext) -> None:
        self._context = context

    def getDbutils(self) -> EntryPoint:
        return self

    def notebook(self) -> EntryPoint:
        return self

    def getContext(self) -> NotebookContext:
        return self._context


def install_modules(names: dict[str, Any]) -> None:
    """Make what notebooks and modules import on a cluster importable: ``pyspark.dbutils.DBUtils``, and the notebook's
    names through ``databricks.sdk.runtime`` (which takes them from ``dbruntime``), and where it is.

    Parameters: ``names``: the notebook's predefined variables.
    """
    utilities = types.ModuleType("pyspark.dbutils")
    utilities.DBUtils = lambda *_: names["dbutils"]  # type: ignore[attr-defined]
    sys.modules["pyspark.dbutils"] = utilities

    class UserNamespaceInitializer:
        @classmethod
        def getOrCreate(cls) -> UserNamespaceInitializer:
            return cls()

        def get_namespace_globals(self) -> dict[str, Any]:
            return names

    context = types.ModuleType("dbruntime.databricks_repl_context")
    context.get_context = names["dbutils"].notebook.getContext().repl  # type: ignore[attr-defined]
    sys.modules["dbruntime.databricks_repl_context"] = context

    runtime = types.ModuleType("dbruntime")
    runtime.UserNamespaceInitializer = UserNamespaceInitializer  # type: ignore[attr-defined]
    runtime.databricks_repl_context = context  # type: ignore[attr-defined]
    sys.modules["dbruntime"] = runtime
