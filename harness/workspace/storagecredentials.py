"""Unity Catalog's storage credentials: ``/api/2.1/unity-catalog/storage-credentials``, and their validation.

They are kept and read back; the engine reaches the one S3 server with its own keys, so that a role of AWS, an identity
of Azure or an account of Google needs nothing here. Source: docs.databricks.com/api/workspace/storagecredentials.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from databricks.sdk.service.catalog import StorageCredentialInfo

from harness.lake.s3 import S3Endpoint
from harness.workspace import cloudstorage, entities, securables
from harness.workspace.cloudstorage import Place
from harness.workspace.errors import InvalidParameter, InvalidState
from harness.workspace.jobspec import typed
from harness.workspace.store import Document
from harness.workspace.wire import Call, api

if TYPE_CHECKING:
    from harness.workspace.state import Workspace

KIND = "storage_credential"
IDENTITIES = (
    "aws_iam_role",
    "azure_managed_identity",
    "azure_service_principal",
    "cloudflare_api_token",
    "databricks_gcp_service_account",
)
CHANGES = ("comment", "owner", "read_only", "isolation_mode")
# Sent once and never shown.
SECRETS = ("client_secret", "secret_access_key")
# The role that Databricks takes in AWS (docs: "Create a storage credential for connecting to AWS S3").
UNITY_ROLE = "arn:aws:iam::414351767826:role/unity-catalog-prod-UCMasterRole-14S5ZJVKOTYTL"


def get(workspace: Workspace, name: str) -> Document:
    """A credential. Raises: ``NotFound``."""
    return entities.find(workspace, "STORAGE_CREDENTIAL", name).document


def create(call: Call) -> Document:
    """Make a credential of one identity. Raises: ``InvalidParameter``, ``Conflict``."""
    identity = _identity(call)
    if identity is None:
        raise InvalidParameter(f"A storage credential needs one of {', '.join(IDENTITIES)}.")
    kept: Document = {key: call.arguments[key] for key in ("comment", "read_only") if key in call.arguments}
    typed(kept, StorageCredentialInfo)
    return securables.add(call, KIND, {**kept, **identity, "used_for_managed_storage": False})


def list_credentials(call: Call) -> Document:
    return securables.listed(call, "storage_credentials", call.workspace.store.all(KIND))


def read(call: Call) -> Document:
    return get(call.workspace, call.path["name"])


def update(call: Call) -> Document:
    """Change a credential; its locations follow its new name. Raises: ``NotFound``, ``InvalidParameter``."""
    store, old = call.workspace.store, read(call)
    typed({key: call.arguments[key] for key in CHANGES if key in call.arguments}, StorageCredentialInfo)
    identity = _identity(call) or {}
    name = securables.renamed(call, KIND, old)
    if name != old["name"]:
        for location in locations(call.workspace, old["id"]):
            store.update("external_location", location["name"], lambda d: {**d, "credential_name": name})
    kept = {key: value for key, value in old.items() if not identity or key not in IDENTITIES}

    def change(document: Document) -> Document:
        left = {key: value for key, value in document.items() if key in kept}
        return securables.changed({**left, **identity}, call, CHANGES)

    return store.update(KIND, name, change) or get(call.workspace, name)


def delete(call: Call) -> Document:
    """Take a credential away. Raises: ``InvalidState`` while locations use it, but with ``force``."""
    document = read(call)
    used = locations(call.workspace, document["id"])
    if used and not call.flag("force"):
        # The service's words (terraform-provider-databricks #4000).
        raise InvalidState(
            f"Storage credential '{document['name']}' has 0 directly dependent external table(s) and {len(used)} "
            "dependent storage location(s). You may use force option to delete it but the managed storage data using "
            "this storage credential cannot be purged by Unity Catalog anymore."
        )
    call.workspace.store.delete(KIND, document["name"])
    return {}


def validate(call: Call) -> Document:
    """Try a place with a credential, on the S3 server. Raises: ``InvalidParameter``, ``NotFound``."""
    workspace = call.workspace
    named = call.text("storage_credential_name", "")
    if not named and _identity(call) is None:
        raise InvalidParameter(f"Expected storage_credential_name or one of {', '.join(IDENTITIES)}.")
    credential = get(workspace, named) if named else {}
    url, read_only = call.text("url", ""), call.flag("read_only") or credential.get("read_only", False)
    if location := call.text("external_location_name", ""):
        found = entities.find(workspace, "EXTERNAL_LOCATION", location).document
        url, read_only = url or found["url"], read_only or found["read_only"]
    if not url:
        raise InvalidParameter("Expected url or external_location_name: what to validate the credential with.")
    results = cloudstorage.checks(S3Endpoint(**workspace.config.s3), Place.of(url), read_only=read_only)
    return {"is_dir": True, "results": results}


def locations(workspace: Workspace, credential_id: str) -> list[Document]:
    """The external locations that use a credential."""
    return [each for each in workspace.store.all("external_location") if each["credential_id"] == credential_id]


def role(credential: Document, workspace: Workspace) -> str:
    """The role of AWS to assume for a credential; one of our own for the other clouds' identities."""
    arn: str = credential.get("aws_iam_role", {}).get("role_arn", "")
    return arn or f"arn:aws:iam::{workspace.config.org_id % 10**12:012d}:role/unity-catalog"


def _identity(call: Call) -> Document | None:
    """The identity of a request, without its secrets. Raises: ``InvalidParameter`` for more than one."""
    given = {key: call.arguments[key] for key in IDENTITIES if key in call.arguments}
    if len(given) > 1:
        raise InvalidParameter(f"A storage credential has one identity, not {' and '.join(given)}.")
    if not given:
        return None
    ((kind, fields),) = typed(given, StorageCredentialInfo).items()
    shown = {key: value for key, value in fields.items() if key not in SECRETS}
    if kind == "aws_iam_role":
        if not str(shown["role_arn"]).startswith("arn:aws"):
            raise InvalidParameter(f"'{shown['role_arn']}' is not the ARN of a role of AWS.")
        shown |= {"external_id": str(uuid.uuid4()), "unity_catalog_iam_arn": UNITY_ROLE}
    return {kind: shown}


UC = "2.1/unity-catalog"
routes = [
    *api("GET", f"{UC}/storage-credentials", list_credentials),
    *api("POST", f"{UC}/storage-credentials", create),
    *api("GET", f"{UC}/storage-credentials/{{name}}", read),
    *api("PATCH", f"{UC}/storage-credentials/{{name}}", update),
    *api("DELETE", f"{UC}/storage-credentials/{{name}}", delete),
    *api("POST", f"{UC}/validate-storage-credentials", validate),
]
