"""Git credentials, ``/api/2.0/git-credentials``: records. Their tokens are not kept: git asks this machine only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.workspace.errors import InvalidParameter, NotFound
from harness.workspace.store import Document
from harness.workspace.wire import Call, api, whole

if TYPE_CHECKING:
    from harness.workspace.state import Workspace

# docs: api/workspace/gitcredentials/create, in any case of letters.
PROVIDERS = (
    *("gitHub", "gitHubEnterprise", "gitLab", "gitLabEnterpriseEdition", "bitbucketCloud", "bitbucketServer"),
    *("azureDevOpsServices", "azureDevOpsServicesAad", "awsCodeCommit"),
)
TEXTS = ("git_email", "git_username", "name")


def provider(name: str) -> str:
    """A Git provider in its own spelling. Raises: ``InvalidParameter``."""
    for known in PROVIDERS:
        if known.lower() == name.lower():
            return known
    raise InvalidParameter(f"Git provider {name} is not known; known are {', '.join(PROVIDERS)}.")


def get(workspace: Workspace, credential_id: object) -> Document:
    """A credential's record. Raises: ``InvalidParameter``, ``NotFound``."""
    number = whole(credential_id)
    if number is None:
        raise InvalidParameter(f"Expected credential_id to be an integer, got {credential_id}.")
    document = workspace.store.get("git-credential", number)
    if document is None:
        raise NotFound(f"Git credential with id {number} does not exist.")
    return document


def fields(call: Call) -> Document:
    """The request's fields that are kept. Raises: ``InvalidParameter``."""
    if "principal_id" in call.arguments:
        raise InvalidParameter("principal_id is not served by the local workspace: credentials are the caller's.")
    call.text("personal_access_token", "")
    given: Document = {name: call.text(name) for name in TEXTS if name in call.arguments}
    if "is_default_for_provider" in call.arguments:
        given["is_default_for_provider"] = call.flag("is_default_for_provider")
    return {**given, "git_provider": provider(call.text("git_provider"))}


def create(call: Call) -> Document:
    given = fields(call)
    document = {"credential_id": call.workspace.store.next("git-credential"), **given}
    call.workspace.store.put("git-credential", document["credential_id"], document)
    return document


def list_credentials(call: Call) -> Document:
    found = call.workspace.store.all("git-credential")
    return {"credentials": sorted(found, key=lambda document: int(document["credential_id"]))}


def read(call: Call) -> Document:
    return get(call.workspace, call.path["credential_id"])


def update(call: Call) -> Document:
    document, given = read(call), fields(call)
    call.workspace.store.update("git-credential", document["credential_id"], lambda d: {**d, **given})
    return {}


def delete(call: Call) -> Document:
    call.workspace.store.delete("git-credential", read(call)["credential_id"])
    return {}


routes = [
    *api("POST", "2.0/git-credentials", create),
    *api("GET", "2.0/git-credentials", list_credentials),
    *api("GET", "2.0/git-credentials/{credential_id}", read),
    *api("PATCH", "2.0/git-credentials/{credential_id}", update),
    *api("DELETE", "2.0/git-credentials/{credential_id}", delete),
]
