"""Beyond this machine a stack is reached only by who knows the token that somebody chose."""

from __future__ import annotations

import http.client
from urllib.parse import urlsplit

import pytest

from harness.control import StackFailed
from harness.settings import Settings
from harness.stack import Stack

TOKEN = "a-token-that-was-chosen"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "set HARNESS_TOKEN .* and HARNESS_HOST_NAMES"),
        ({"token": "short", "host_names": ["workspace"]}, "set HARNESS_TOKEN"),
        ({"token": TOKEN}, "HARNESS_HOST_NAMES"),
        ({"token": TOKEN, "host_names": ["workspace"], "s3": "seaweedfs"}, "listens on loopback only"),
    ],
)
def test_no_address_but_loopback_is_listened_on_unless_a_token_is_chosen(tmp_path, given, message):
    with pytest.raises(StackFailed, match=message), Stack(Settings(host="0.0.0.0", **given), tmp_path):
        pass


@pytest.mark.slow
def test_from_elsewhere_the_token_and_a_known_name_are_needed(tmp_path):
    settings = Settings(host="0.0.0.0", s3="moto", token=TOKEN, host_names=["localhost", "workspace.test"])
    with Stack(settings, tmp_path / "stack") as stack:
        assert urlsplit(stack.workspace_url).hostname == "localhost"
        assert urlsplit(stack.s3.url).hostname == "localhost"
        assert stack.token == TOKEN
        # An address of this machine that nothing would answer at, were only 127.0.0.1 listened on.
        port = urlsplit(stack.workspace_url).port
        answers = {}
        for host, token in (("workspace.test", TOKEN), ("workspace.test", "wrong"), ("elsewhere.test", TOKEN)):
            connection = http.client.HTTPConnection("127.0.0.2", port)
            headers = {"Host": f"{host}:{port}", "Authorization": f"Bearer {token}"}
            connection.request("GET", "/api/2.0/preview/scim/v2/Me", headers=headers)
            answers[host, token] = connection.getresponse().status
            connection.close()
        assert list(answers.values()) == [200, 403, 403]


def test_others_are_told_the_first_name_and_a_dag_s_guard_lets_them_reach_it(tmp_path):
    stack = Stack(
        Settings(host="0.0.0.0", token=TOKEN, host_names=["workspace.test", "other"], s3="http://s3.test:9000")
    )
    assert stack.network == ["s3.test", "workspace.test"]
    assert stack._tls_url(8443) == "https://workspace.test:8443"
    assert stack._tls_url(443) == "https://workspace.test"
    assert Stack(Settings(host_names=["workspace.test"]))._tls_url(443) == "https://localhost"
