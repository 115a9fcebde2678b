"""A plugin for the suites that `harness init` writes: the stack of the test that runs them, instead of a new one."""

from __future__ import annotations

import json
import os

import pytest

from harness.lake.s3 import S3Endpoint
from harness.settings import Settings
from harness.stack import Stack

VARIABLE = "HARNESS_TEST_ATTACHED"


@pytest.fixture(scope="session")
def stack(harness_settings: Settings) -> Stack:
    """As the plugin's, but for who starts it."""
    given = json.loads(os.environ[VARIABLE])
    attached = Stack(harness_settings)
    attached.workspace_url, attached.token = given["workspace_url"], given["token"]
    attached.s3 = S3Endpoint(*given["s3"])
    return attached
