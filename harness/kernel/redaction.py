"""Secret values in what a notebook puts out: ``[REDACTED]`` stands in their place, as on the service.

As there, it keeps secrets from being shown by accident, not from somebody who wants to see them: a value that was
changed first (encoded, reversed, put out letter by letter) is not known again.
"""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any

REDACTED = "[REDACTED]"
PICTURE = re.compile(r"image/(?!svg)")


class Redaction:
    """The secrets that this process has read."""

    def __init__(self) -> None:
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def add(self, value: str) -> None:
        """Keep a value, and its forms in tables, JSON and ``repr``, out of sight from now on."""
        for plain in filter(None, (value if value.strip() else "", value.strip())):
            quoted = (json.dumps(plain)[1:-1], json.dumps(plain, ensure_ascii=False)[1:-1], repr(plain)[1:-1])
            self._forms |= {plain, html.escape(plain), *quoted}
        # The longest first: one secret may be the beginning of another.
        forms = sorted(self._forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, forms))) if forms else None

    def __call__(self, text: str) -> str:
        """A text without the secrets."""
        return self._pattern.sub(REDACTED, text) if self._pattern else text

    def within(self, value: Any) -> Any:
        """A JSON value whose texts are without the secrets. Pictures are left as they are."""
        if isinstance(value, str):
            return self(value)
        if isinstance(value, dict):
            return {key: item if PICTURE.match(key) else self.within(item) for key, item in value.items()}
        return [self.within(item) for item in value] if isinstance(value, list) else value

    def file(self, path: Path) -> None:
        """Take the secrets out of a log that other processes (``%sh``, ``os.system``) have written to as well."""
        if self._pattern is None:
            return
        text = path.read_text(errors="surrogateescape")
        redacted = self(text)
        if redacted != text:
            # In place: the log stays open in this process, whose last words still go to its end.
            with path.open("r+", errors="surrogateescape") as log:
                log.write(redacted)
                log.truncate()
