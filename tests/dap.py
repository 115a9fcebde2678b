"""A debugger as an IDE is one: the Debug Adapter Protocol over a socket."""

from __future__ import annotations

import itertools
import json
import socket
from types import TracebackType
from typing import Any


class Ide:
    """Attached to a debuggee that waits at a port."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self._reads = self._socket.makefile("rb")
        self._numbers = itertools.count(1)
        self._events: list[dict[str, Any]] = []
        self.ask("initialize", adapterID="tests", pathFormat="path", linesStartAt1=True)

    def __enter__(self) -> Ide:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._reads.close()
        self._socket.close()

    def attach(self, breakpoints: dict[str, list[int]]) -> None:
        """Attach, with breakpoints by file and line; the debuggee goes on."""
        attached = self._send("attach", justMyCode=True)
        self.event("initialized")
        for path, lines in breakpoints.items():
            at = [{"line": line} for line in lines]
            found = self.ask("setBreakpoints", source={"path": path}, breakpoints=at)["breakpoints"]
            assert all(each["verified"] for each in found), found
        self.ask("configurationDone")
        self._answer(attached)

    def stopped(self) -> tuple[int, str, int]:
        """Wait until the debuggee stops. Returns: the thread, and the file and line where it stands."""
        thread = int(self.event("stopped")["threadId"])
        frame = self.ask("stackTrace", threadId=thread)["stackFrames"][0]
        return thread, frame["source"]["path"], frame["line"]

    def evaluate(self, thread: int, expression: str) -> str:
        """The value of an expression where a thread stands."""
        frame = self.ask("stackTrace", threadId=thread)["stackFrames"][0]["id"]
        return str(self.ask("evaluate", expression=expression, frameId=frame, context="repl")["result"])

    def ask(self, command: str, **arguments: Any) -> dict[str, Any]:
        """Send a request and wait for its answer."""
        return self._answer(self._send(command, **arguments))

    def go_on(self, thread: int) -> None:
        """Let a stopped thread run, and wait for no answer: the debuggee may have ended before it could give one."""
        self._send("continue", threadId=thread)

    def event(self, name: str) -> dict[str, Any]:
        """Wait for an event."""
        while True:
            for event in self._events:
                if event["event"] == name:
                    self._events.remove(event)
                    return dict(event.get("body", {}))
            self._take()

    def _send(self, command: str, **arguments: Any) -> int:
        number = next(self._numbers)
        text = json.dumps({"seq": number, "type": "request", "command": command, "arguments": arguments}).encode()
        self._socket.sendall(b"Content-Length: %d\r\n\r\n%s" % (len(text), text))
        return number

    def _answer(self, number: int) -> dict[str, Any]:
        while (answer := self._take()).get("request_seq") != number:
            pass
        assert answer["success"], answer
        return dict(answer.get("body") or {})

    def _take(self) -> dict[str, Any]:
        size = 0
        while (line := self._reads.readline()) != b"\r\n":
            assert line, "the debuggee has gone"
            name, _, value = line.partition(b":")
            size = int(value) if name.lower() == b"content-length" else size
        message: dict[str, Any] = json.loads(self._reads.read(size))
        if message["type"] == "event":
            self._events.append(message)
        return message
