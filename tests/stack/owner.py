"""A process that owns a stack, for tests that kill it: says on its first line what it started, then waits."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import psutil

from harness.settings import Settings
from harness.stack import Stack

with Stack(Settings(project=Path(__file__).parents[2])) as stack:
    stack.wait_engine()
    children = [child.pid for child in psutil.Process().children(recursive=True)]
    facts = {"pids": children, "urls": [stack.workspace_url, stack.s3.url], "directory": str(stack.directory)}
    print(json.dumps(facts), flush=True)
    sys.stdin.read()
