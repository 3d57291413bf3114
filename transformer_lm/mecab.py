"""MeCab's dictionaries: Python packages, called by name and never by path."""

import importlib
from typing import Any

from transformer_lm.registry import UserError

DICTIONARIES = {
    "mecab_ipadic": "ipadic",
    "mecab_unidic_lite": "unidic_lite",
    "mecab_unidic": "unidic",
}
"""Name in configs and commands → the package that holds the dictionary."""

INSTALL = {
    "ipadic": "'transformer-lm[ja]'",
    "unidic_lite": "'transformer-lm[ja]'",
    "unidic": "'transformer-lm[ja]' unidic && python -m unidic download",
}
"""What `pip install` takes to bring a package, and what follows it."""


def load_tagger(package: str, options: str = "") -> Any:  # Any: fugashi has no types.
    """Returns fugashi's tagger with the dictionary of an installed package.

    Args:
      package: that holds the dictionary.
      options: of MeCab, besides those that name the dictionary.

    Raises:
      UserError: if the dictionary is not there or cannot be read.
    """
    fugashi = importlib.import_module("fugashi")
    folder = importlib.import_module(package).DICDIR
    try:
        return fugashi.GenericTagger(f'-d "{folder}" -r "{folder}/mecabrc" {options}')
    except RuntimeError as error:
        raise UserError(
            f"the package {package} is installed without a dictionary that can be"
            f" loaded from {folder}; pip install {INSTALL[package]}"
        ) from error
