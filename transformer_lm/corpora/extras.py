"""Packages that only some sources, rules or checks need."""

import importlib
from types import ModuleType

from transformer_lm.registry import UserError


def require(module: str, extra: str) -> ModuleType:
    """Imports a module of an optional package.

    Raises:
      UserError: if it is not installed; says which extra brings it.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise UserError(
            f"the package {error.name} is not installed; it comes with"
            f" `pip install 'transformer-lm[{extra}]'`"
        ) from error
