"""AWS's outbound identity federation: STS signs tokens that say who its caller is (``GetWebIdentityToken``).

moto has no such operation; it is added to ours. As AWS does, the issuer shows its keys at its well-known document.
"""

from __future__ import annotations

import json
import re
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

# No bucket's name has an underscore.
ISSUER = "/_harness/identity"
# AWS: STS API reference, GetWebIdentityToken.
SECONDS = (60, 3600)
DEFAULT_SECONDS = 300
ALGORITHM = "RS256"
ASSUMED = re.compile(r"arn:([\w-]+):sts::(\d+):assumed-role/([^/]+)/.*")


class Signer:
    """Parameters: ``url``: of the server that shows the keys."""

    def __init__(self, url: str) -> None:
        self.issuer = f"{url}{ISSUER}"
        self._lock = threading.Lock()
        self._made: Any = None

    def _key(self) -> Any:
        from cryptography.hazmat.primitives.asymmetric import rsa

        with self._lock:  # a second key would make the first one's tokens worthless
            self._made = self._made or rsa.generate_private_key(public_exponent=65537, key_size=2048)
            return self._made

    def token(self, arn: str, account: str, audiences: list[str], seconds: int) -> tuple[str, int]:
        """A token for a caller. Returns: it, and when it ends in epoch seconds."""
        import jwt

        at = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": role_of(arn),
            "aud": audiences,
            "iat": at,
            "exp": at + seconds,
            "jti": str(uuid.uuid4()),
            "https://sts.amazonaws.com/": {"aws_account": account, "principal_id": role_of(arn)},
        }
        return jwt.encode(claims, self._key(), ALGORITHM, {"kid": "harness"}), at + seconds

    def documents(self) -> dict[str, dict[str, Any]]:
        """What the issuer shows, by path."""
        import jwt

        key = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self._key().public_key()))
        described = {
            "issuer": self.issuer,
            "jwks_uri": f"{self.issuer}/keys",
            "id_token_signing_alg_values_supported": [ALGORITHM],
        }
        return {
            f"{ISSUER}/.well-known/openid-configuration": described,
            f"{ISSUER}/keys": {"keys": [{**key, "kid": "harness", "alg": ALGORITHM, "use": "sig"}]},
        }

    def serve(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a request below ``ISSUER``."""
        document = self.documents().get(environ["PATH_INFO"])
        status = HTTPStatus.OK if document else HTTPStatus.NOT_FOUND
        body = json.dumps(document or {}).encode()
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        start(f"{status.value} {status.phrase}", headers)
        return [body]

    def add_to_moto(self) -> None:
        """Let moto's STS serve ``GetWebIdentityToken``."""
        from moto.core.responses import ActionResult
        from moto.sts.exceptions import STSValidationError
        from moto.sts.responses import TokenResponse

        def get_web_identity_token(response: Any) -> Any:
            if response._get_param("SigningAlgorithm") != ALGORITHM:
                raise STSValidationError(f"SigningAlgorithm must be {ALGORITHM}: no other is served here.")
            seconds = response._get_int_param("DurationSeconds", DEFAULT_SECONDS)
            if not SECONDS[0] <= seconds <= SECONDS[1]:
                raise STSValidationError(f"DurationSeconds must be between {SECONDS[0]} and {SECONDS[1]}.")
            audiences = response._get_param("Audience") or []
            if not audiences:
                raise STSValidationError("Audience must have at least one member.")
            _, arn, account = response.backend.get_caller_identity(response.get_access_key(), response.region)
            token, expiration = self.token(arn, account, audiences, seconds)
            return ActionResult({"WebIdentityToken": token, "Expiration": expiration})

        TokenResponse.get_web_identity_token = get_web_identity_token


def role_of(arn: str) -> str:
    """Whom a token is of: of a session of a role it is the role (AWS: "Understanding token claims")."""
    match = ASSUMED.fullmatch(arn)
    return f"arn:{match[1]}:iam::{match[2]}:role/{match[3]}" if match else arn
