"""Federation policies: whose tokens of which identity provider sign in, ``/api/2.0/accounts/{id}/…federationPolicies``.

They belong to the account, which is here as large as the workspace: any account id leads to the same ones. What they
are for is in federation.py.
"""

from __future__ import annotations

import json
import re
import uuid
from datetime import UTC, datetime

from databricks.sdk.service.oauth2 import FederationPolicy

from harness.workspace import principals
from harness.workspace.errors import AlreadyExists, InvalidParameter, NotFound
from harness.workspace.jobspec import typed
from harness.workspace.store import Document, Taken
from harness.workspace.wire import Call, api, page

# docs: api/account/accountfederationpolicy/create.
POLICY_ID = re.compile(r"[a-z0-9/-]{1,128}")
OIDC = ("issuer", "audiences", "subject", "subject_claim", "jwks_uri", "jwks_json")
OUTPUTS = ("create_time", "update_time", "uid", "policy_id", "service_principal_id", "name")
# docs: "Configure a federation policy", "up to 20 policies".
MOST = 20


def create(call: Call) -> Document:
    """Make a policy of the account or of a service principal. Raises: ``InvalidParameter``, ``AlreadyExists``."""
    store, owner = call.workspace.store, _owner(call)
    policy = _given(call)
    _check(policy.get("oidc_policy", {}), owner)
    policy_id = call.text("policy_id", "") or str(uuid.uuid4())
    if not POLICY_ID.fullmatch(policy_id):
        raise InvalidParameter(
            f"policy_id {policy_id!r} must contain only lowercase letters, numbers, hyphens, and slashes."
        )
    if len(store.all("federation_policy", f"{owner}:")) >= MOST:
        raise InvalidParameter(f"There can be {MOST} federation policies at most.", error_code="QUOTA_EXCEEDED")
    at = _now()
    document: Document = {
        **policy,
        "policy_id": policy_id,
        "uid": str(uuid.uuid4()),
        "account_id": call.path["account_id"],
        "create_time": at,
        "update_time": at,
    }
    if owner:
        document["service_principal_id"] = int(owner)
    try:
        store.insert("federation_policy", f"{owner}:{policy_id}", document)
    except Taken:
        raise AlreadyExists(f"Federation policy {policy_id} already exists.") from None
    return _view(document)


def get(call: Call) -> Document:
    return _view(_found(call))


def list_policies(call: Call) -> Document:
    found = call.workspace.store.all("federation_policy", f"{_owner(call)}:")
    shown, following, _ = page(found, call, size=100, most=1000, field="page_size")
    document: Document = {"policies": [_view(policy) for policy in shown]}
    return {**document, "next_page_token": following} if following else document


def update(call: Call) -> Document:
    """Change the fields that ``update_mask`` names, by default those that are given.

    Raises: ``InvalidParameter``, ``NotFound``.
    """
    owner, old, given = _owner(call), _found(call), _given(call)
    mask = call.text("update_mask", "")
    new = _masked(old, given, mask.split(",")) if mask else {**old, **given}
    if mask in ("", "*") and "oidc_policy" in given:
        new["oidc_policy"] = given["oidc_policy"] if mask else {**old.get("oidc_policy", {}), **given["oidc_policy"]}
    _check(new.get("oidc_policy", {}), owner)
    new["update_time"] = _now()
    key = f"{owner}:{old['policy_id']}"
    return _view(call.workspace.store.update("federation_policy", key, lambda _: new) or new)


def delete(call: Call) -> Document:
    policy = _found(call)
    call.workspace.store.delete("federation_policy", f"{_owner(call)}:{policy['policy_id']}")
    return {}


def _masked(old: Document, given: Document, names: list[str]) -> Document:
    """An old policy with the fields of a new one that are named; one that is not given is taken away."""
    names = ["description", "oidc_policy"] if names == ["*"] else names
    new = {**old, "oidc_policy": dict(old.get("oidc_policy", {}))}
    for name in names:
        outer, _, inner = name.partition(".")
        if outer not in ("description", "oidc_policy") or (inner and (outer != "oidc_policy" or inner not in OIDC)):
            raise InvalidParameter(f"update_mask names {name}, which is not a field that can be changed.")
        place, source, field = (new["oidc_policy"], given.get(outer, {}), inner) if inner else (new, given, outer)
        place.pop(field, None)
        if field in source:
            place[field] = source[field]
    return new


def _owner(call: Call) -> str:
    """The id of the path's service principal; '' for the account. Raises: ``PermissionDenied``, ``NotFound``."""
    principals.require_admin(call)
    owner: str = call.path.get("service_principal_id", "")
    if owner and call.workspace.store.get(principals.SERVICE_PRINCIPAL.record, owner) is None:
        raise NotFound(f"Service principal with id {owner} not found.")
    return owner


def _found(call: Call) -> Document:
    policy_id = call.path["policy_id"]
    document = call.workspace.store.get("federation_policy", f"{_owner(call)}:{policy_id}")
    if document is None:
        raise NotFound(f"Federation policy {policy_id} does not exist.")
    return document


def _given(call: Call) -> Document:
    fields = {name: value for name, value in call.arguments.items() if name in ("description", "oidc_policy")}
    return typed(fields, FederationPolicy)


def _check(oidc: Document, owner: str) -> None:
    """Refuse a policy that no token could meet. Raises: ``InvalidParameter``."""
    if not oidc.get("issuer"):
        raise InvalidParameter("Missing required field: oidc_policy.issuer")
    if owner and not oidc.get("subject"):
        raise InvalidParameter("oidc_policy.subject must be specified for service principal federation policies.")
    if not owner and oidc.get("subject"):
        raise InvalidParameter("oidc_policy.subject must not be specified for account federation policies.")
    if "jwks_json" in oidc:
        if "jwks_uri" in oidc:
            raise InvalidParameter("Only one of oidc_policy.jwks_json and oidc_policy.jwks_uri can be specified.")
        try:
            keys = json.loads(oidc["jwks_json"])["keys"]
        except (ValueError, TypeError, KeyError, RecursionError):
            keys = None
        if not isinstance(keys, list) or not keys:
            raise InvalidParameter("oidc_policy.jwks_json is not a JSON Web Key Set.")


def _view(policy: Document) -> Document:
    owner = policy.get("service_principal_id")
    of = f"accounts/{policy['account_id']}" + (f"/servicePrincipals/{owner}" if owner is not None else "")
    shown = {name: value for name, value in policy.items() if name != "account_id"}
    return {**shown, "name": f"{of}/federationPolicies/{policy['policy_id']}"}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


OF_ACCOUNT = "2.0/accounts/{account_id}/federationPolicies"
OF_PRINCIPAL = "2.0/accounts/{account_id}/servicePrincipals/{service_principal_id}/federationPolicies"

routes = [
    route
    for path in (OF_ACCOUNT, OF_PRINCIPAL)
    for route in (
        *api("POST", path, create),
        *api("GET", path, list_policies),
        *api("GET", f"{path}/{{policy_id:path}}", get),
        *api("PATCH", f"{path}/{{policy_id:path}}", update),
        *api("DELETE", f"{path}/{{policy_id:path}}", delete),
    )
]
