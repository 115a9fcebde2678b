"""``dbutils.….help()``: what a utility offers, from what its methods say of themselves."""

from __future__ import annotations

import inspect


class Helped:
    """A utility of dbutils that can be asked what it offers."""

    def help(self, method: str = "") -> None:
        """Print what there is. Parameters: ``method``: print of this one alone, and all of it."""
        names = [method] if method else [name for name in vars(type(self)) if not name.startswith("_")]
        for name in names:
            act = getattr(type(self), name, None)
            if not inspect.isfunction(act):
                if method:
                    print(f"{name}: there is no such method")
                continue
            given = [
                str(parameter) for parameter in list(inspect.signature(act, eval_str=False).parameters.values())[1:]
            ]
            text = inspect.getdoc(act) or ""
            print(f"{name}({', '.join(given)}): {text if method else text.partition(chr(10))[0]}")
