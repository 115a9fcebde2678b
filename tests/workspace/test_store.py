"""The records: what is written is there after ``kill -9``."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from harness.workspace.store import Store, Taken

WRITER = """
import sys
from pathlib import Path
from harness.workspace.store import Store
store = Store(Path(sys.argv[1]))
store.put("job", 1, {"name": "kept"})
print("written", flush=True)
sys.stdin.read()
"""


def test_a_document_survives_the_kill_of_its_writer(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None
    assert writer.stdin is not None
    assert writer.stdout.readline() == "written\n"
    os.kill(writer.pid, signal.SIGKILL)
    writer.wait()
    writer.stdin.close()
    writer.stdout.close()
    assert Store(path).get("job", 1) == {"name": "kept"}


def test_one_of_two_inserts_of_the_same_id_is_refused(tmp_path: Path) -> None:
    store = Store(tmp_path / "records.db")
    store.insert("token", "a", {})
    with pytest.raises(Taken):
        store.insert("token", "a", {})


def test_changes_from_many_threads_are_all_kept(tmp_path: Path) -> None:
    store = Store(tmp_path / "records.db")
    store.put("count", "n", {"value": 0})

    def add() -> None:
        for _ in range(50):
            store.update("count", "n", lambda document: {"value": document["value"] + 1})

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.get("count", "n") == {"value": 200}


def test_a_rename_onto_another_document_changes_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path / "records.db")
    store.put("table", "a", {"is": "a"})
    store.put("table", "b", {"is": "b"})
    with pytest.raises(Taken):
        store.rename("table", "a", "b", lambda document: document)
    assert store.all("table") == [{"is": "a"}, {"is": "b"}]


def test_ids_are_never_given_twice_even_after_a_clear(tmp_path: Path) -> None:
    store = Store(tmp_path / "records.db")
    assert (store.next("id"), store.next("id", 3), store.next("id")) == (1, 2, 5)
    store.clear()
    assert store.next("id") == 6


def test_documents_are_found_by_the_start_of_their_id(tmp_path: Path) -> None:
    store = Store(tmp_path / "records.db")
    for name in ("main.a.x", "main.ab.y", "main.a.z"):
        store.put("table", name, {"name": name})
    assert [d["name"] for d in store.all("table", "main.a.")] == ["main.a.x", "main.a.z"]
