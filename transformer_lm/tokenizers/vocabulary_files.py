"""vocab.txt, a token a line, and beside it the rules that belong to it.

Other programs read vocab.txt; `tokenizer_settings.json` tells how text was cut into
words for it, which a list of tokens cannot tell.
"""

import dataclasses
import hashlib
import json
import logging
import os
from collections.abc import Mapping, Sequence
from typing import Any

from etils import epath

from transformer_lm.json_files import read_object
from transformer_lm.registry import UserError
from transformer_lm.tokenizers import segmenters
from transformer_lm.tokenizers.word_rules import WordRules

VOCABULARY_FILE = "vocab.txt"
SETTINGS_FILE = "tokenizer_settings.json"

_FORMAT = 1


@dataclasses.dataclass(frozen=True)
class StoredSettings:
    """What a vocabulary needs in order to be used as it was trained."""

    kind: str
    """Name in the registry: wordpiece or character."""
    rules: WordRules
    special_tokens: str

    def flat(self) -> dict[str, Any]:
        """Returns the keys, as a config has them, and `kind`."""
        return {
            "kind": self.kind,
            **dataclasses.asdict(self.rules),
            "special_tokens": self.special_tokens,
        }

    def to_json(self, vocabulary: bytes, trained_with: Mapping[str, Any]) -> bytes:
        """Returns the content of `tokenizer_settings.json`.

        Args:
          vocabulary: content of the vocab.txt that it belongs to.
          trained_with: further settings of the training, for people.
        """
        content = {
            "format": _FORMAT,
            **self.flat(),
            "segmenter_version": segmenters.version(self.rules.segmenter),
            "vocab_sha256": hashlib.sha256(vocabulary).hexdigest(),
            "trained_with": dict(trained_with),
        }
        return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()


def read_tokens(content: bytes, origin: str) -> list[str]:
    """Returns the tokens of a vocab.txt, by id.

    Args:
      content: of the file.
      origin: its name, for messages.

    Raises:
      UserError: if it is no text or holds nothing.
    """
    try:
        text = content.decode().replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise UserError(
            f"{origin} is no vocabulary: it must be UTF-8 text, a token a line ({error})"
        ) from error
    if not text.strip():
        raise UserError(f"{origin} holds no token; delete it to have it trained anew")
    return text.removesuffix("\n").split("\n")


def to_content(tokens: Sequence[str]) -> bytes:
    """Returns the content of a vocab.txt."""
    return "".join(f"{token}\n" for token in tokens).encode()


def read_settings(
    path: epath.Path, vocabulary: bytes, wanted: StoredSettings
) -> dict[str, Any]:
    """Reads the settings that lie beside a vocabulary, and compares them.

    Args:
      path: of the vocabulary.
      vocabulary: its content.
      wanted: what the config says.

    Returns:
      What it was `trained_with`; nothing where no settings lie there, as beside files
      of other programs: then those of the config hold, which a line of the log says.

    Raises:
      UserError: if they are other settings, or those of another vocabulary.
    """
    log = logging.getLogger(__name__)
    beside = path.with_name(SETTINGS_FILE)
    ours = wanted.flat()
    if not beside.exists():
        rules = ", ".join(f"{key}={value}" for key, value in ours.items())
        log.info("%s has no %s beside it: used with %s", path, SETTINGS_FILE, rules)
        return {}
    try:
        stored = read_object(beside, "take it from the folder that training wrote")
        theirs = {key: stored[key] for key in ours}
        digest, version = stored["vocab_sha256"], stored["segmenter_version"]
        trained_with = dict(stored["trained_with"])
    except (UserError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{beside} cannot be read as the settings of a vocabulary ({error!r}); take"
            " the whole folder that training wrote, or delete the file to use"
            f" {path.name} with the config's settings"
        ) from error
    differing = [
        f"{key} is {theirs[key]!r} in {SETTINGS_FILE}, {ours[key]!r} in the config"
        for key in ours
        if theirs[key] != ours[key]
    ]
    if differing:
        raise UserError(
            f"{path} was made with other settings than the config's, so that its ids"
            f" would mean something else: {'; '.join(differing)}. Set the config's keys to"
            " those of the file, or choose another vocab_path or workdir"
        )
    if digest != hashlib.sha256(vocabulary).hexdigest():
        raise UserError(
            f"{beside} belongs to another vocabulary than {path} (its sha256 differs);"
            " take both files from one training, or delete it to use the vocabulary with"
            " the config's settings"
        )
    here = segmenters.version(wanted.rules.segmenter)
    if version != here:
        log.warning(
            "%s was trained with %s; here is %s: some words may be cut otherwise",
            path,
            version,
            here,
        )
    return trained_with


def write_whole(path: epath.Path, content: bytes) -> None:
    """Writes a file that is there as a whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.unfinished-{os.getpid()}")
    unfinished.write_bytes(content)
    unfinished.replace(path)
