"""Packages that only some sources, rules or checks need."""

import importlib
from types import ModuleType

from transformer_lm.registry import UserError

CORPORA = "'transformer-lm[corpora]'"
"""Brings mwparserfromhell, datasketch and pyarrow."""

JAPANESE = "'transformer-lm[ja]'"
"""Brings fugashi with the dictionaries ipadic and unidic-lite."""


def require(module: str, install: str) -> ModuleType:
    """Imports a module of an optional package.

    Args:
      module: its full name.
      install: what pip is to install to get it.

    Raises:
      UserError: if it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise UserError(
            f"the package {error.name} is not installed; it comes with"
            f" `pip install {install}`"
        ) from error
