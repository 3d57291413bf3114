"""What a build is told, and what cannot work."""

import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

from etils import epath

from transformer_lm.corpora.build.signatures import bands
from transformer_lm.corpora.cleaning.rules import parse_rules
from transformer_lm.corpora.readers import find_sources
from transformer_lm.registry import UserError

Given = TypeVar("Given")

SPLITS = ("train", "validation", "test")

FORMAT_VERSION = 1
"""Of what a build writes; a build of another version is not gone on with."""


@dataclass(frozen=True)
class BuildSettings:
    """One build: which files, what is done to them, where the result goes."""

    output: str
    """Folder of the corpus, local or gs://."""
    inputs: tuple[str, ...]
    """One entry a corpus: files or globs, separated by commas."""
    names: tuple[str, ...] = ()
    """One a corpus; with several corpora they stand before the ids."""
    rules: str = "none"
    """Cleaning rules and presets, in order, separated by commas."""
    skip_ids: str | None = None
    """File with an id a line; these documents are left out."""
    deduplicate: Literal["none", "exact", "near"] = "none"
    near_threshold: float = 0.8
    """Jaccard similarity from which documents count as near duplicates."""
    shingle_characters: int = 5
    """Length of the character n-grams that are compared."""
    split: tuple[float, ...] = (98, 1, 1)
    """Shares of train, validation and test; any unit."""
    mix: Literal["none", "undersample", "oversample", "repeat"] = "none"
    """How the training parts of several corpora are brought to their weights."""
    weights: tuple[float, ...] = ()
    """One a corpus, for `mix`; unset: all alike."""
    shard_characters: int = 50_000_000
    """Characters of a shard, about."""
    text_field: str = "text"
    id_field: str = "id"
    invalid_utf8: Literal["replace", "skip"] = "replace"
    processes: int = 1
    scratch: str | None = None
    """Local folder for intermediate files, in `.scratch`; unset: the output folder."""
    overwrite: bool = False
    """Replace a corpus of other settings in the output folder."""

    def corpus_names(self) -> tuple[str, ...]:
        """Returns a name for each corpus."""
        return self.names or tuple(f"corpus{i + 1}" for i in range(len(self.inputs)))

    def corpus_weights(self) -> tuple[float, ...]:
        """Returns a weight for each corpus."""
        return self.weights or (1.0,) * len(self.inputs)

    def scratch_folder(self) -> epath.Path:
        """Returns where intermediate files go."""
        return epath.Path(self.scratch or self.output) / ".scratch"

    def problems(self) -> list[str]:
        """Lists what cannot work, a line each."""
        problems = []
        count = len(self.inputs)
        if not count:
            problems.append("no input: give --inputs or --download")
        for patterns in self.inputs:
            problems += _refusals(find_sources, patterns)
        problems += _refusals(parse_rules, self.rules)
        if self.skip_ids is not None and not epath.Path(self.skip_ids).exists():
            problems.append(f"the file --skip_ids={self.skip_ids} does not exist")
        if len(self.split) != len(SPLITS) or not _are_shares(self.split):
            problems.append(
                f"--split={_listed(self.split)} must be three numbers of at least 0, for"
                " train, validation and test, such as 98,1,1; train needs more than 0"
            )
        problems += self._mixing_problems()
        if self.deduplicate == "near":
            problems += _refusals(bands, self.near_threshold)
        for name in ("shingle_characters", "shard_characters", "processes"):
            if getattr(self, name) < 1:
                problems.append(f"--{name}={getattr(self, name)} must be at least 1")
        if "://" in str(self.scratch_folder()):
            problems.append(
                f"--output={self.output} is not on this machine: set --scratch to a"
                " local folder with room for the text"
            )
        return problems

    def _mixing_problems(self) -> list[str]:
        problems = []
        count = len(self.inputs)
        names = self.corpus_names()
        if len(names) != count or len(set(names)) != count or not all(names):
            problems.append(
                f"--names={','.join(names)} must be {count} different names, one for"
                " each corpus"
            )
        if any("/" in name for name in names):
            problems.append(f"--names={','.join(names)}: a name cannot have a slash")
        weights = self.corpus_weights()
        sound = all(math.isfinite(weight) and weight > 0 for weight in weights)
        if len(weights) != count or not sound:
            problems.append(
                f"--weights={_listed(weights)} must be {count} numbers above 0, one for"
                " each corpus"
            )
        if self.weights and self.mix == "none":
            problems.append(
                "--weights needs --mix: undersample, oversample or repeat say how the"
                " weights are reached"
            )
        if self.mix in ("undersample", "oversample") and count == 1:
            problems.append(f"--mix={self.mix} needs more than one corpus in --inputs")
        return problems

    def digest(self, sources: list[str]) -> str:
        """Returns a text that changes when the corpus would.

        Args:
          sources: a checksum of each source file, in order.
        """
        skipped = epath.Path(self.skip_ids).read_bytes() if self.skip_ids else b""
        decisive = [
            FORMAT_VERSION,
            sources,
            [str(rule) for rule in parse_rules(self.rules)],
            hashlib.sha256(skipped).hexdigest(),
            self.corpus_names(),
            self.deduplicate,
            self.near_threshold,
            self.shingle_characters,
            self.split,
            self.mix,
            self.corpus_weights(),
            self.shard_characters,
            self.text_field,
            self.id_field,
            self.invalid_utf8,
        ]
        return hashlib.sha256(json.dumps(decisive).encode()).hexdigest()


def _refusals(check: Callable[[Given], object], given: Given) -> list[str]:
    """What `check` says against what was given."""
    try:
        check(given)
    except UserError as error:
        return [str(error)]
    return []


def _are_shares(numbers: tuple[float, ...]) -> bool:
    sound = all(math.isfinite(number) and number >= 0 for number in numbers)
    return sound and numbers[0] > 0


def _listed(numbers: tuple[float, ...]) -> str:
    return ",".join(f"{number:g}" for number in numbers)
