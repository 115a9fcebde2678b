"""What is said to be served is served: every operation has a test that uses it by an unmodified client."""

from __future__ import annotations

import json

import pytest

from docs.generate import UNPROVED, WITNESSES
from harness.capabilities import listed
from tests.witnesses import CLIENTS, COMMAND, exists

# What the provider can ask for and this workspace does not serve yet. Never to grow.
ABSENT = {
    "POST /api/2.1/clusters/restart",
    "POST /api/2.1/clusters/delete",
    "POST /api/2.0/libraries/install",
    "POST /api/2.0/libraries/uninstall",
}


@pytest.fixture(scope="module")
def witnesses() -> dict[str, dict[str, str]]:
    return json.loads(WITNESSES.read_text())


@pytest.fixture(scope="module")
def served() -> set[str]:
    return {row.key for row in listed() if row.served}


def test_every_served_operation_has_a_witness(witnesses, served):
    missing = sorted(served - witnesses.keys() - UNPROVED.keys())
    assert not missing, f"served, but no test uses it by an unmodified client; run\n  {COMMAND}\n  tox -e docs"


def test_every_witness_is_a_test_that_exists_and_an_operation_that_is_served(witnesses, served):
    gone = sorted(key for key, one in witnesses.items() if key not in served or not exists(one["test"]))
    assert not gone, f"stale; run\n  {COMMAND}"
    assert {one["client"] for one in witnesses.values()} <= CLIENTS.keys()


def test_what_needs_no_witness_is_served_has_none_and_says_why(witnesses, served):
    assert UNPROVED.keys() <= served
    assert not UNPROVED.keys() & witnesses.keys(), "it has a witness now: remove it from UNPROVED in docs/generate.py"
    assert all(len(reason.split()) > 3 for reason in UNPROVED.values())


def test_every_request_of_airflows_provider_is_listed_and_few_are_absent():
    rows = {row.key: row for row in listed() if row.provider}
    assert {
        "POST /api/2.2/jobs/runs/submit",
        "GET /api/2.2/jobs/runs/get",
        "POST /api/2.0/sql/statements",
    } <= rows.keys()
    assert len(rows) >= 32
    assert {key for key, row in rows.items() if not row.served} <= ABSENT
