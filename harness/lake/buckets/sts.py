"""STS beside an S3 server: moto answers, with credentials that the S3 server itself has given, so that it takes them.

MinIO answers AssumeRole and nothing else of STS, SeaweedFS only for roles that a file names (measured). Here any role
can be assumed, as with moto, and the session's policy counts wherever the server enforces it.
"""

from __future__ import annotations

import hmac
import re
import socket
import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from harness.lake.buckets.reset import client
from harness.lake.s3 import S3Endpoint

App = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
GIVING = frozenset({"AssumeRole", "GetSessionToken", "GetFederationToken"})
NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"
AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/(?P<date>\d+)/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request, "
    r"*SignedHeaders=(?P<headers>[^,]+), *Signature=(?P<signature>[0-9a-f]+)"
)


class Refused(Exception):
    """What STS says instead of an answer."""

    def __init__(self, code: str, message: str, status: int = 403) -> None:
        super().__init__(message)
        self.code, self.status = code, status


class Sts:
    """WSGI application: who asks is checked, moto answers, and the credentials in its answer are the server's.

    Parameters: ``moto``; ``endpoint`` of the S3 server; ``role``: the one to assume there, when it knows but that.
    """

    def __init__(self, moto: App, endpoint: S3Endpoint, role: str = "") -> None:
        self._moto = moto
        self._endpoint = endpoint
        self._role = role
        # Access key to its secret, and to the key by which moto knows the same session.
        self._secrets = {endpoint.access_key: endpoint.secret_key}
        self._moto_keys: dict[str, str] = {}

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        try:
            asked = {name: values[0] for name, values in parse_qs(body.decode(), keep_blank_values=True).items()}
            if "Action" not in asked:
                raise Refused("InvalidAction", f"Only STS is answered here; S3 is at {self._endpoint.url}.", status=400)
            self._authenticate(environ, body)
            given = self._credentials(asked) if asked["Action"] in GIVING else None
        except (Refused, UnicodeDecodeError) as error:
            refused = error if isinstance(error, Refused) else Refused("InvalidAction", str(error), 400)
            return _send(start, f"{refused.status} Refused", _error(refused))
        answer, status = self._ask_moto(environ, body)
        if given is not None and status.startswith("200"):
            answer = self._exchanged(answer, given)
        return _send(start, status, answer)

    def _authenticate(self, environ: dict[str, Any], body: bytes) -> None:
        """Compute the signature again (AWS: Signature Version 4); raises as STS does when it differs."""
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials

        found = AUTHORIZATION.match(environ.get("HTTP_AUTHORIZATION", ""))
        if found is None:
            raise Refused("MissingAuthenticationToken", "Request is missing Authentication Token")
        secret = self._secrets.get(found["key"])
        if secret is None:
            raise Refused("InvalidClientTokenId", "The security token included in the request is invalid.")
        headers = {
            name: environ.get(
                "CONTENT_TYPE" if name == "content-type" else f"HTTP_{name.upper().replace('-', '_')}", ""
            )
            for name in found["headers"].split(";")
        }
        if "content-length" in headers:
            headers["content-length"] = environ.get("CONTENT_LENGTH", "")
        request = AWSRequest("POST", f"http://{environ.get('HTTP_HOST', '')}/", headers=headers, data=body)
        request.context["timestamp"] = environ.get("HTTP_X_AMZ_DATE", "")
        signer = SigV4Auth(Credentials(found["key"], secret), found["service"], found["region"])
        signed = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
        if not hmac.compare_digest(signed, found["signature"]):
            raise Refused(
                "SignatureDoesNotMatch",
                "The request signature we calculated does not match the signature you provided. "
                "Check your AWS Secret Access Key and signing method.",
            )

    def _credentials(self, asked: dict[str, str]) -> dict[str, str]:
        """Credentials of the S3 server's own for what is asked."""
        from botocore.exceptions import BotoCoreError, ClientError

        wanted: dict[str, Any] = {
            "RoleArn": self._role or asked.get("RoleArn") or "arn:aws:iam::123456789012:role/session",
            "RoleSessionName": asked.get("RoleSessionName") or asked.get("Name") or "session",
            # MinIO and SeaweedFS give none for more than 12 hours, or less than a quarter of one.
            "DurationSeconds": min(max(int(asked.get("DurationSeconds") or 3600), 900), 43200),
        }
        if asked.get("Policy"):
            wanted["Policy"] = asked["Policy"]
        try:
            given: dict[str, str] = client(self._endpoint, "sts").assume_role(**wanted)["Credentials"]
        except ClientError as error:
            code, message = error.response["Error"].get("Code", ""), error.response["Error"].get("Message", "")
            raise Refused(
                "AccessDenied",
                f"The S3 server at {self._endpoint.url} gives no temporary credentials ({code}: {message}).",
            ) from None
        except (BotoCoreError, ValueError, KeyError) as error:
            raise Refused(
                "ServiceUnavailable", f"The S3 server at {self._endpoint.url} has no STS, or it is down: {error}.", 503
            ) from None
        return given

    def _ask_moto(self, environ: dict[str, Any], body: bytes) -> tuple[bytes, str]:
        import io

        header = environ["HTTP_AUTHORIZATION"]
        for ours, motos in self._moto_keys.items():
            header = header.replace(f"Credential={ours}/", f"Credential={motos}/")
        said: list[str] = []

        def start(status: str, headers: Any, info: Any = None) -> Callable[[bytes], object]:
            said.append(status)
            return io.BytesIO().write

        answer = b"".join(self._moto({**environ, "HTTP_AUTHORIZATION": header, "wsgi.input": io.BytesIO(body)}, start))
        return answer, said[-1]

    def _exchanged(self, answer: bytes, given: dict[str, str]) -> bytes:
        text = answer.decode()
        if found := re.search(r"<AccessKeyId>([^<]*)</AccessKeyId>", text):
            self._moto_keys[given["AccessKeyId"]] = found[1]
        self._secrets[given["AccessKeyId"]] = given["SecretAccessKey"]
        for name in ("AccessKeyId", "SecretAccessKey", "SessionToken"):
            value = escape(given[name])
            text = re.sub(f"<{name}>[^<]*</{name}>", lambda _, n=name, v=value: f"<{n}>{v}</{n}>", text)  # type: ignore[misc]
        return text.encode()


def _error(refused: Refused) -> bytes:
    kind = "Sender" if refused.status < 500 else "Receiver"
    return (
        f'<ErrorResponse xmlns="{NAMESPACE}"><Error><Type>{kind}</Type><Code>{refused.code}</Code>'
        f"<Message>{escape(str(refused))}</Message></Error><RequestId>harness</RequestId></ErrorResponse>"
    ).encode()


def _send(start: Callable[..., Any], status: str, body: bytes) -> Iterable[bytes]:
    start(status, [("Content-Type", "text/xml"), ("Content-Length", str(len(body)))])
    return [body]


def serve(sock: socket.socket, endpoint: S3Endpoint, role: str = "") -> None:
    """Answer on ``sock``, from a thread, for as long as this process lives."""
    from moto.server import DomainDispatcherApplication, create_backend_app

    from harness.lake.s3 import Identified, wsgi_server
    from harness.lake.webidentity import Signer

    signer = Signer(endpoint.sts_url)
    signer.add_to_moto()
    # To moto, S3's address is not that of the S3 server: a request for S3 that is sent here is refused before.
    checked = Sts(DomainDispatcherApplication(create_backend_app), replace(endpoint, sts_url=""), role)
    application = Identified(checked, signer)
    threading.Thread(target=wsgi_server(sock, application).serve_forever, name="sts", daemon=True).start()
