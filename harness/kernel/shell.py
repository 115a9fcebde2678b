"""The IPython shell that executes Python cells: real file names and line numbers, outputs to our list, no history.

Built once in the fork server (imports and set-up are the dear part) and used by one task in each fork.
"""

from __future__ import annotations

import contextlib
import linecache
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from IPython.core.compilerop import CachingCompiler
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from harness.kernel.outputs import Outputs

# Magics that would change the interpreter all kernels share, by their own package managers.
INSTALLERS = ("pip", "uv", "conda", "mamba", "micromamba")


class CellCompiler(CachingCompiler):  # type: ignore[misc]
    """Compiles a cell under a file name and first line of our choice."""

    def __init__(self) -> None:
        super().__init__()
        self.place: tuple[str, int, bool] | None = None

    def at(self, name: str, line: int, in_file: bool) -> None:
        """Say where the next cell stands: code name, first line, whether that is a file on disk."""
        self.place = (name, line, in_file)

    def cache(self, transformed_code: str, number: int = 0, raw_code: str | None = None) -> str:
        if self.place is None:
            return str(super().cache(transformed_code, number, raw_code))
        name, line, in_file = self.place
        if not in_file:
            text = "\n" * (line - 1) + (raw_code or transformed_code)
            linecache.cache[name] = (len(text), None, [f"{one}\n" for one in text.split("\n")], name)
        return name

    def ast_parse(self, source: str, filename: str = "<unknown>", symbol: str = "exec") -> Any:
        # Empty lines before the cell's text, rather than a shift of the tree: syntax errors get the right line too.
        if self.place is not None and filename == self.place[0]:
            source = "\n" * (self.place[1] - 1) + source
        return super().ast_parse(source, filename, symbol)


class Publisher(DisplayPublisher):  # type: ignore[misc]
    """``IPython.display.display`` and its like, into the cell's outputs."""

    outputs: Outputs

    def publish(
        self,
        data: dict[str, Any],
        metadata: dict[str, Any] | None = None,
        source: str | None = None,
        *,
        transient: dict[str, Any] | None = None,
        update: bool = False,
        **_: Any,
    ) -> None:
        display_id = (transient or {}).get("display_id")
        if update and display_id is not None:
            self.outputs.update(display_id, data, metadata)
        else:
            self.outputs.data(data, metadata, display_id=display_id)

    def clear_output(self, wait: bool = False) -> None:
        self.outputs.clear()


class Result(DisplayHook):  # type: ignore[misc]
    """The value of a cell's last expression, into the cell's outputs."""

    outputs: Outputs

    def write_output_prompt(self) -> None:
        pass

    def write_format_data(self, format_dict: dict[str, Any], md_dict: dict[str, Any] | None = None) -> None:
        self.outputs.data(format_dict, md_dict, count=self.shell.execution_count)

    def finish_displayhook(self) -> None:
        pass


class KernelShell(InteractiveShell):  # type: ignore[misc]
    """IPython without a terminal: exceptions are returned, not printed; nothing is stored."""

    compiler_class = CellCompiler

    def showtraceback(self, *_: Any, **__: Any) -> None:
        pass

    def showsyntaxerror(self, *_: Any, **__: Any) -> None:
        pass

    def enable_gui(self, gui: str | None = None) -> None:
        pass

    def ask_exit(self) -> None:
        raise SystemExit(0)

    def _tee(self, channel: str) -> AbstractContextManager[None]:
        return contextlib.nullcontext()


def _unseen() -> dict[str, Any]:
    """What makes an IPython that nobody sits at."""
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.history_length = 0
    config.InteractiveShell.colors = "nocolor"
    config.InteractiveShell.autocall = 0
    return {"config": config, "displayhook_class": Result}


class Shell:
    """The one shell of the process. Parameters: ``kind`` of IPython; ``outputs``: where displays go; ``given``: for
    IPython, in place of what a task has."""

    def __init__(
        self, kind: type[InteractiveShell] = KernelShell, outputs: Outputs | None = None, **given: Any
    ) -> None:
        # Before anything imports matplotlib.
        os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
        self.outputs = outputs or Outputs()
        self._ipython = kind.instance(display_pub_class=Publisher, **(given or _unseen()))
        self._ipython.display_pub.outputs = self.outputs
        self._ipython.displayhook.outputs = self.outputs
        self._ipython.enable_matplotlib("inline")
        import matplotlib.pyplot

        self._figures = matplotlib.pyplot

    @property
    def namespace(self) -> dict[str, Any]:
        """The notebook's global variables."""
        names: dict[str, Any] = self._ipython.user_ns
        return names

    @property
    def count(self) -> int:
        """The number of the next cell, as in ``In [n]``."""
        return int(self._ipython.execution_count)

    def magic(self, name: str, act: Callable[[str, str | None], object]) -> None:
        """Make ``%name line`` and ``%%name`` call ``act(line, cell)`` from within Python cells."""
        self._ipython.register_magic_function(act, "line_cell", name)

    def run(self, text: str, name: str, line: int, in_file: bool) -> BaseException | None:
        """Execute a cell of Python under a code name, its first line being ``line``.

        Returns: what it raised, with its traceback, or None.
        """
        self._ipython.compile.at(name, line, in_file)
        result = self._ipython.run_cell(text, store_history=True)
        error: BaseException | None = result.error_before_exec or result.error_in_exec
        return error

    def renew(self) -> None:
        """Give the next notebook variables of its own; functions of the one before keep theirs."""
        shell = self._ipython
        shell.user_module, shell.user_ns = shell.prepare_user_module()
        shell.init_sys_modules()
        shell.init_user_ns()

    def clear(self) -> None:
        """Forget the notebook's variables, as a restarted interpreter would."""
        self._ipython.reset(new_session=False)
        self._figures.close("all")
