from __future__ import annotations

import os
from pathlib import Path

from harness.kernel.outputs import Log, Outputs, Stream, finished


def test_text_of_one_stream_is_one_output_and_changes_of_stream_begin_another() -> None:
    outputs = Outputs()
    items = outputs.begin()
    for name, text in [("stdout", "a"), ("stdout", "b\n"), ("stderr", "c"), ("stdout", "d")]:
        outputs.stream(name, text)
    assert [(item["name"], item["text"]) for item in finished(items)] == [
        ("stdout", "ab\n"),
        ("stderr", "c"),
        ("stdout", "d"),
    ]


def test_a_cell_puts_out_no_more_than_its_limit_and_says_so() -> None:
    outputs = Outputs(limit=10)
    items = outputs.begin()
    outputs.stream("stdout", "12345678")
    outputs.stream("stdout", "90ABC")
    outputs.stream("stdout", "more")
    outputs.data({"text/html": "x" * 11})
    text, left_out = finished(items)
    assert text["text"] == "1234567890\n[the output of this cell was cut at 10 characters]\n"
    assert left_out["data"]["text/plain"] == "[an output of 11 characters was left out: a cell may put out 10]"
    outputs.begin()
    outputs.stream("stdout", "new")
    assert finished(outputs.items)[0]["text"] == "new"


def test_displays_can_be_updated_and_cleared() -> None:
    outputs = Outputs()
    items = outputs.begin()
    outputs.data({"text/plain": "0 %"}, display_id="bar")
    outputs.update("bar", {"text/plain": "100 %"})
    assert items[0]["data"] == {"text/plain": "100 %"}
    outputs.clear()
    assert items == []


def test_bytes_are_base64_as_nbformat_wants_them() -> None:
    outputs = Outputs()
    outputs.data({"image/png": b"\x89PNG"}, count=3)
    assert outputs.items == [
        {"output_type": "execute_result", "execution_count": 3, "data": {"image/png": "iVBORw=="}, "metadata": {}}
    ]


def test_streams_reach_the_log_line_by_line_up_to_its_limit(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)
    stream = Stream("stdout", Outputs(), Log(descriptor, limit=8))
    stream.write("ab")
    assert (tmp_path / "log").read_text() == ""
    print("c\nd", file=stream)
    assert (tmp_path / "log").read_text() == "abc\nd\n"
    print("efgh", file=stream, flush=True)
    print("lost", file=stream, flush=True)
    os.close(descriptor)
    assert (tmp_path / "log").read_text() == "abc\nd\nefgh\n\n[the log was cut at 8 characters]\n"
