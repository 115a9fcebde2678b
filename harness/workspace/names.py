"""Names that one record of a kind may have: claimed before the record is written, free again when it goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.workspace.errors import InvalidParameter
from harness.workspace.store import Store, Taken

if TYPE_CHECKING:
    from harness.workspace.store import Document


def claim(store: Store, what: str, name: str, holder: str) -> None:
    """Give a name to a record of a kind. Nothing happens if it has that name already.

    Parameters: ``what`` as messages call the kind; ``holder``, the record's id. Raises: ``InvalidParameter`` when the
    name is another's, in the service's words (terraform-provider-databricks #4750, #2935).
    """
    try:
        store.insert("name", f"{what}/{name}", {"holder": holder})
    except Taken:
        if (store.get("name", f"{what}/{name}") or {}).get("holder") != holder:
            raise InvalidParameter(f"{what} with name `{name}` already exists") from None


def release(store: Store, what: str, name: str) -> None:
    """Let go of a name."""
    store.delete("name", f"{what}/{name}")


def rename(store: Store, what: str, old: Document, new: Document, field: str, holder: str) -> None:
    """Change the name that a record holds, if it changed. Raises: ``InvalidParameter``."""
    if old[field] != new[field]:
        claim(store, what, new[field], holder)
        release(store, what, old[field])
