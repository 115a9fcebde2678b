"""An identity provider of the tests' own: it signs tokens, and shows its keys on loopback when asked to."""

from __future__ import annotations

import contextlib
import http.server
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa


class Issuer:
    """Parameters: ``url``: what its tokens' ``iss`` says."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def token(self, **claims: Any) -> str:
        """A token that is good for an hour, with those claims."""
        every = {"iss": self.url, "exp": int(time.time()) + 3600, **claims}
        return jwt.encode(every, self.key, algorithm="RS256", headers={"kid": "first"})

    def jwks(self) -> str:
        """The public key, as a JSON Web Key Set."""
        key = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key()))
        return json.dumps({"keys": [{**key, "kid": "first", "use": "sig"}]})

    @classmethod
    @contextlib.contextmanager
    def served(cls) -> Iterator[Issuer]:
        """One whose keys are found through its well-known document."""

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                found = {
                    "/.well-known/openid-configuration": json.dumps({"jwks_uri": f"{issuer.url}/keys"}),
                    "/keys": issuer.jwks(),
                }.get(self.path)
                self.send_response(200 if found else 404)
                self.end_headers()
                self.wfile.write((found or "").encode())

            def log_message(self, format: str, *args: object) -> None:
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        issuer = cls(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield issuer
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
