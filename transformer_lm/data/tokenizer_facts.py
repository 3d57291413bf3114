"""The tokenizer of prepared data: noted when it is made, compared when it is used."""

import dataclasses
import hashlib
import os
from pathlib import Path
from typing import Any, cast

import numpy as np
from etils import epath

from transformer_lm.data.manifest import FILE as MANIFEST_FILE
from transformer_lm.data.manifest import TokenizerFacts
from transformer_lm.json_files import construct
from transformer_lm.registry import UserError
from transformer_lm.tokenizers import TOKENIZERS
from transformer_lm.tokenizers.interface import Tokenizer, TokenizerConfig

PROBE = (
    "吾輩は猫である。名前はまだ無い。「どこで生れたか」とんと見當がつかぬ。\n"
    "ﾊﾝｶｸ ｶﾞｷﾞｸﾞ がぎぐ か\u3099き\u3099 Ⅳ ㍻ ＡＢＣ１２３ ABC abc Café cafe\u0301 ½\n"
    "東京特許許可局、国々の時々〆切は一ヶ月後。𠮷野家と髙島屋😀👨‍👩‍👧 naïve a@b.c\t3.14\n"
)
"""Text that no two normalisations or segmenters treat alike."""


def copy_tokenizer(
    kind: str, config: TokenizerConfig[Any], folder: Path
) -> TokenizerFacts:
    """Copies a tokenizer's files into a folder of prepared data.

    Args:
      kind: name of the tokenizer in a config.
      config: its settings; vocab_path is set.
      folder: exists.

    Raises:
      UserError: if there is no such tokenizer.
    """
    tokenizer = config.load("")
    _copy(tokenizer, epath.Path(folder))
    settings = {**vars(config), "vocab_size": tokenizer.vocab_size}
    del settings["vocab_path"]
    return TokenizerFacts(
        kind=kind,
        settings=settings,
        files=_digests(tokenizer),
        vocab_size=tokenizer.vocab_size,
        probe=probe_of(tokenizer),
    )


def load_beside(folder: Path, facts: TokenizerFacts) -> Tokenizer:
    """Loads the tokenizer that lies in a folder of prepared data.

    Raises:
      UserError: if it gives other ids than when the data was made.
    """
    origin = f"{folder / MANIFEST_FILE}, tokenizer.settings"
    kind = TOKENIZERS[facts.kind]
    defaults = {field.name: field.default for field in dataclasses.fields(kind)}
    settings = {**defaults, **facts.settings, "vocab_path": None}
    config = construct(kind, settings, origin, "prepare the data anew")
    if problems := config.problems():
        raise UserError(f"{origin}: {'; '.join(problems)}; prepare the data anew")
    tokenizer = config.load(str(folder))
    if probe_of(tokenizer) != facts.probe:
        raise UserError(
            f"the tokenizer in {folder} gives other ids than when the data there was"
            f" prepared; install the versions that its {MANIFEST_FILE} names (of the"
            " dictionary also), or prepare the data anew"
        )
    return tokenizer


def use_prepared_tokenizer(
    config: TokenizerConfig[Any],
    folder: Path,
    facts: TokenizerFacts,
    workdir: str,
    *,
    writes: bool,
) -> Tokenizer:
    """Returns a run's tokenizer, which has to be that of its prepared data.

    Args:
      config: settings of the run's tokenizer; without vocab_path and without a file in
        the work folder, that of the data is taken.
      folder: of prepared data.
      facts: on its tokenizer.
      workdir: of the run; the files are copied there, where sampling looks for them.
      writes: whether this process makes the copy.

    Raises:
      UserError: if the run's tokenizer is another; both are named.
    """
    kind = next(name for name in TOKENIZERS if TOKENIZERS[name] is type(config))
    of_data = f"the data in {folder} was prepared with the tokenizer {facts.kind}"
    if kind != facts.kind:
        raise UserError(
            f"{of_data}, the run's is {kind}; take a config with"
            f" tokenizer={facts.kind!r}, or prepare the data with the run's tokenizer"
        )
    load_beside(folder, facts)
    own = epath.Path(config.path(workdir)).expanduser()
    if config.path(workdir) == _beside(config).path(workdir) and not own.exists():
        tokenizer = _beside(config).load(str(folder))
        if writes:
            _copy(tokenizer, own.parent)
    else:
        tokenizer = config.load(workdir)
    if _digests(tokenizer) != facts.files or probe_of(tokenizer) != facts.probe:
        raise UserError(
            f"{of_data}, {facts.files} in {folder}; the run's is {own},"
            f" {_digests(tokenizer)}: leave vocab_path unset and take a new work"
            " folder, or prepare the data with the run's tokenizer"
        )
    return tokenizer


def probe_of(tokenizer: Tokenizer) -> str:
    """Returns the SHA-256 of the ids of a text that is hard to treat alike."""
    ids = [tokenizer.encode(line) for line in PROBE.split("\n")]
    flat = np.concatenate([np.array(line, "<i8") for line in ids])
    special = (tokenizer.bos_id, tokenizer.eos_id, tokenizer.unk_id, tokenizer.pad_id)
    special = (*special, tokenizer.cls_id, tokenizer.sep_id, tokenizer.mask_id)
    return hashlib.sha256(flat.tobytes() + repr(special).encode()).hexdigest()


def _beside(config: TokenizerConfig[Any]) -> TokenizerConfig[Any]:
    """The settings with the file where a work folder has it."""
    return dataclasses.replace(cast(Any, config), vocab_path=None)


def _digests(tokenizer: Tokenizer) -> dict[str, str]:
    """SHA-256 of each file of a tokenizer."""
    return {
        name: hashlib.sha256(content).hexdigest()
        for name, content in tokenizer.files.items()
    }


def _copy(tokenizer: Tokenizer, folder: epath.Path) -> None:
    """Writes a tokenizer's files; each is there whole or not at all."""
    for name, content in tokenizer.files.items():
        path = folder / name
        if not path.exists() or path.read_bytes() != content:
            unfinished = path.with_name(f"{name}.unfinished-{os.getpid()}")
            unfinished.write_bytes(content)
            unfinished.replace(path)
