"""Secrets do not stand in what a notebook leaves behind, in whichever form it put them out."""

from __future__ import annotations

import html
import json
import os
from pathlib import Path

from harness.kernel.outputs import Log, Outputs, Stream, finished
from harness.kernel.redaction import REDACTED, Redaction

SECRET = "p&ss\"'wörd\\1"


def test_a_secret_is_hidden_in_plain_quoted_escaped_and_stripped() -> None:
    redact = Redaction()
    redact.add(f"{SECRET}\n")
    for form in (SECRET, json.dumps(SECRET), repr(SECRET), html.escape(f"{SECRET}\n"), f"{SECRET}\n"):
        assert SECRET[:6] not in redact(f"a {form} b")
        assert REDACTED in redact(f"a {form} b")
    assert redact("p&ss") == "p&ss"


def test_the_longer_of_two_secrets_is_hidden_whole_and_an_empty_one_hides_nothing() -> None:
    redact = Redaction()
    for value in ("", " ", "abc", "abcdef"):
        redact.add(value)
    assert redact("abcdef abc  x") == "[REDACTED] [REDACTED]  x"


def test_outputs_are_redacted_when_a_cell_is_finished_whatever_their_kind() -> None:
    outputs = Outputs()
    outputs.redaction.add("stdout-secret")
    items = outputs.begin()
    for part in ("it is stdout-", "secret\n"):
        outputs.stream("stdout", part)
    outputs.data({"text/plain": "stdout-secret", "application/json": {"k": ["stdout-secret", 1]}}, count=1)
    outputs.data({"image/png": "stdout-secret", "image/svg+xml": "<svg>stdout-secret</svg>"})
    outputs.error("ValueError", "stdout-secret", "line 1\nstdout-secret")
    text, result, picture, error = finished(items, outputs.redaction)
    assert (text["name"], text["text"]) == ("stdout", "it is [REDACTED]\n")
    assert result["data"] == {"text/plain": REDACTED, "application/json": {"k": [REDACTED, 1]}}
    assert picture["data"] == {"image/png": "stdout-secret", "image/svg+xml": f"<svg>{REDACTED}</svg>"}
    assert (error["ename"], error["evalue"], error["traceback"]) == ("ValueError", REDACTED, ["line 1", REDACTED])


def test_a_secret_named_like_a_field_of_the_notebook_format_does_not_break_it() -> None:
    outputs = Outputs()
    outputs.redaction.add("stdout")
    items = outputs.begin()
    outputs.stream("stdout", "to stdout")
    assert finished(items, outputs.redaction) == [{"output_type": "stream", "name": "stdout", "text": "to [REDACTED]"}]


def test_the_log_is_redacted_as_it_is_written_and_what_other_processes_wrote_afterwards(tmp_path: Path) -> None:
    path, redact = tmp_path / "log.txt", Redaction()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    stream = Stream("stdout", Outputs(), Log(descriptor, redaction=redact))
    redact.add("hunter2")
    stream.write("hun")
    stream.write("ter2!\n")
    assert path.read_text() == "[REDACTED]!\n"
    os.write(descriptor, b"child: hunter2 \xff\n")
    redact.file(path)
    print("after", file=stream)
    os.close(descriptor)
    assert path.read_bytes() == b"[REDACTED]!\nchild: [REDACTED] \xff\nafter\n"
