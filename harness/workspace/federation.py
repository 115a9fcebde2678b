"""Token federation: a token of another identity provider (Kubernetes, AWS, any that speaks OIDC) for one of ours.

As in Databricks a federation policy says whose tokens are good (federationpolicies.py); what they must satisfy is
checked here as there: signature, issuer, audience, subject, and time (docs.databricks.com, "Configure a federation
policy"). Keys are taken from the policy, or from an issuer on this machine: no other is ever asked.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from harness.workspace import principals
from harness.workspace.auth import LOOPBACK, Principal
from harness.workspace.store import Document

if TYPE_CHECKING:
    from harness.workspace.state import Workspace

# docs: "Configure a federation policy": "The token must be signed using RS256 or ES256".
ALGORITHMS = ["RS256", "ES256"]
KEYS_SECONDS = 10
LEEWAY_SECONDS = 60


class NotTrusted(Exception):
    """A token that signs nobody in. The message says what it lacks, and never holds it."""


def principal_of(workspace: Workspace, token: str, client_id: str = "") -> Principal:
    """Whom a token of another identity provider signs in.

    Parameters: ``client_id``: the application id of the service principal whose policies are asked; without, the
    account's are, and the token's subject is the name of the user or service principal.
    Raises: ``NotTrusted``.
    """
    import jwt

    try:
        claimed = jwt.decode(token, options={"verify_signature": False})
        key_id = jwt.get_unverified_header(token).get("kid")
    except (jwt.PyJWTError, RecursionError) as error:
        raise NotTrusted(f"the subject token is no JSON Web Token: {error}") from None
    issuer, owner = claimed.get("iss"), ""
    if client_id:
        document = principals.by_name(workspace.store, principals.SERVICE_PRINCIPAL, client_id)
        if document is None:
            raise NotTrusted(f"no service principal has the client id {client_id!r}")
        owner = document["id"]
    of = f"service principal {client_id!r}" if owner else "account"
    policies = workspace.store.all("federation_policy", f"{owner}:")
    policies = [policy for policy in policies if policy["oidc_policy"]["issuer"] == issuer]
    if not policies:
        raise NotTrusted(f"no federation policy of the {of} names the issuer {issuer!r}")
    reasons = []
    for policy in policies:
        try:
            subject = _checked(policy, token, key_id)
        except (NotTrusted, jwt.PyJWTError) as error:
            reasons.append(f"federation policy {policy['policy_id']!r} of the {of}: {error}")
            continue
        found = owner or _named(workspace, subject)
        principal = principals.active(workspace.store, found) if found else None
        if principal is not None:
            return principal
        reasons.append(f"the token's subject {subject!r} is the name of no user or service principal that is active")
    raise NotTrusted("; ".join(reasons))


def _checked(policy: Document, token: str, key_id: object) -> str:
    """The subject of a token that satisfies a policy. Raises: ``NotTrusted``, ``jwt.PyJWTError``."""
    import jwt

    oidc = policy["oidc_policy"]
    last: Exception = NotTrusted(f"no key of the issuer has the id {key_id!r}")
    for key in _keys(oidc, key_id):
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=ALGORITHMS,
                # docs: without audiences it is the account's id.
                audience=oidc.get("audiences") or [policy["account_id"]],
                issuer=oidc["issuer"],
                leeway=LEEWAY_SECONDS,
                options={"require": ["exp", "iss", "aud"]},
            )
        except jwt.InvalidSignatureError as error:
            last = error
            continue
        name = oidc.get("subject_claim") or "sub"
        subject = claims.get(name)
        if not isinstance(subject, str) or not subject:
            raise NotTrusted(f"the token has no claim {name!r}")
        if "subject" in oidc and oidc["subject"] != subject:
            raise NotTrusted(f"the token's {name} is {subject!r}, not {oidc['subject']!r}")
        return subject
    raise last


def _named(workspace: Workspace, subject: str) -> str | None:
    """The id of the user or service principal of a name."""
    for kind in (principals.USER, principals.SERVICE_PRINCIPAL):
        if document := principals.by_name(workspace.store, kind, subject):
            found: str = document["id"]
            return found
    return None


def _keys(oidc: Document, key_id: object) -> Iterator[Any]:
    """The keys that may have signed a token. Raises: ``NotTrusted``."""
    import jwt

    if "jwks_json" in oidc:
        document = json.loads(oidc["jwks_json"])
    else:
        uri = oidc.get("jwks_uri")
        if not uri:
            uri = _fetched(f"{oidc['issuer'].rstrip('/')}/.well-known/openid-configuration").get("jwks_uri", "")
        document = _fetched(uri)
    try:
        keys = jwt.PyJWKSet.from_dict(document).keys
    except (jwt.PyJWTError, AttributeError, TypeError, ValueError) as error:
        raise NotTrusted(f"the issuer's keys cannot be read: {error}") from None
    for key in keys:
        if key_id is None or key.key_id in (None, key_id):
            yield key


def _fetched(url: object) -> Any:
    """A JSON document of an identity provider on this machine. Raises: ``NotTrusted``."""
    try:
        parts = urlsplit(str(url))
        here = parts.scheme in ("http", "https") and parts.hostname in LOOPBACK
    except ValueError:
        here = False
    if not here:
        raise NotTrusted(
            f"the issuer's keys are at {url}, and the local workspace goes to no other machine: give the policy the "
            "keys themselves (oidc_policy.jwks_json)"
        )
    # Neither a proxy of the environment nor a redirection may lead us to another machine.
    opener = urllib.request.OpenerDirector()
    for handler in (urllib.request.HTTPHandler(), urllib.request.HTTPSHandler(), urllib.request.HTTPErrorProcessor()):
        opener.add_handler(handler)
    opener.add_handler(urllib.request.HTTPDefaultErrorHandler())
    try:
        with opener.open(str(url), timeout=KEYS_SECONDS) as response:
            document = json.load(response)
    except (OSError, ValueError) as error:
        raise NotTrusted(f"the issuer's keys could not be read from {url}: {error}") from None
    return document if isinstance(document, dict) else {}
