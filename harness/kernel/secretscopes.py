"""``dbutils.secrets``: the workspace's secrets, which notebooks use without showing them."""

from __future__ import annotations

import base64
from typing import Any, NamedTuple

from harness.kernel import rest
from harness.kernel.help import Helped
from harness.kernel.redaction import Redaction
from harness.kernel.spec import KernelSpec


class SecretMetadata(NamedTuple):
    """An entry of ``list``."""

    key: str


class SecretScope(NamedTuple):
    """An entry of ``listScopes``."""

    name: str

    def getName(self) -> str:
        return self.name


class Secrets(Helped):
    """``dbutils.secrets``. What is read is told to ``redaction``.

    Every method raises ``IllegalArgumentException``, with the service's message, for what does not exist.
    """

    def __init__(self, spec: KernelSpec, redaction: Redaction) -> None:
        self._spec = spec
        self._redaction = redaction

    def get(self, scope: str, key: str) -> str:
        """The value of a secret, as text."""
        return self.getBytes(scope, key).decode()

    def getBytes(self, scope: str, key: str) -> bytes:
        """The value of a secret."""
        value = base64.b64decode(self._ask("get", scope=scope, key=key)["value"])
        self._redaction.add(value.decode(errors="replace"))
        # As `print` shows bytes that are no text.
        self._redaction.add(repr(value)[2:-1])
        return value

    def listScopes(self) -> list[SecretScope]:
        """The scopes of the workspace."""
        return [SecretScope(scope["name"]) for scope in self._ask("scopes/list").get("scopes", ())]

    # Below the last annotation that means the class of this name.
    def list(self, scope: str) -> list[SecretMetadata]:
        """The keys of a scope, without values."""
        return [SecretMetadata(secret["key"]) for secret in self._ask("list", scope=scope).get("secrets", ())]

    def _ask(self, operation: str, **parameters: str) -> dict[str, Any]:
        from pyspark.errors import IllegalArgumentException

        try:
            return rest.request(self._spec, "GET", f"2.0/secrets/{operation}", parameters)
        except rest.Refused as error:
            raise IllegalArgumentException(str(error)) from None
