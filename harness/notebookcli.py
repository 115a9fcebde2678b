"""``harness notebook``: one notebook by itself, run or typed."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.terminal import explained, fetch_missing, out, settings_of

DEBUG = "breakpoint() in a notebook stops here, in pdb."
PORT = "Wait at this port of this machine for a debugger (VS Code, PyCharm) before the first cell; needs debugpy."
DebugOption = Annotated[bool, typer.Option("--debug", help=DEBUG)]
PortOption = Annotated[
    int | None, typer.Option("--debugpy", min=1, max=65535, metavar="PORT", help=PORT, show_default=False)
]

app = typer.Typer(no_args_is_help=True)


@app.command("run")
def run_notebook(
    path: Annotated[str, typer.Argument(help="A notebook's file, or its path in the workspace.")],
    parameters: Annotated[
        list[str] | None, typer.Option("--parameter", "-p", help="A parameter, as name=value; may be repeated.")
    ] = None,
    debug: DebugOption = False,
    debugpy: PortOption = None,
) -> None:
    """Run one notebook on the stack that is up, or on one of its own, and print what its cells put out."""
    settings = settings_of()
    with explained():
        from harness.notebooks import run_alone

        green = run_alone(settings, path, parameters or [], out, fetch_missing, debug, debugpy or 0)
    raise typer.Exit(0 if green else 1)


@app.command("shell")
def shell_of_notebook(
    path: Annotated[
        str | None, typer.Argument(help="The notebook whose place it takes, by file or workspace path.")
    ] = None,
    parameters: Annotated[
        list[str] | None, typer.Option("--parameter", "-p", help="A widget's value, as name=value; may be repeated.")
    ] = None,
) -> None:
    """Open IPython with spark, dbutils, display and sql as a notebook has them, on the stack that is up or its own."""
    settings = settings_of()
    with explained():
        from harness.shell import open_shell

        code = open_shell(settings, path, parameters or [], fetch_missing)
    raise typer.Exit(code)
