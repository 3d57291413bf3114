"""Proves that an exported folder gives the numbers and ids of training.

The folder is loaded by loads_alone.py in a fresh process that imports nothing of this
project; its logits and token ids are compared with those of our own network.
"""

import importlib.util
import itertools
import json
import logging
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from etils import epath

from transformer_lm.convert.to_hf import CONFIG_FILE
from transformer_lm.redaction import without_token_variables
from transformer_lm.registry import UserError
from transformer_lm.tools.head_outputs import HeadOutputs, head_outputs, rows_of
from transformer_lm.tools.trained_model import TrainedModel

LOGGER = logging.getLogger("transformer_lm")
TOLERANCE = 1e-4
"""Largest difference of two logits, both computed in float32."""
LONGEST_ROW = 1024
"""Tokens of the longest row that is compared."""
PATIENCE_SECONDS = 3600

AUTO_CLASSES: Mapping[str, Mapping[str, str]] = {
    "transformer_lm": {"": "AutoModelForCausalLM"},
    "gpt2": {"": "AutoModelForCausalLM"},
    "bert": {"": "AutoModelForPreTraining"},
    "albert": {"": "AutoModelForPreTraining"},
    "roberta": {"": "AutoModelForMaskedLM"},
    "electra": {
        "generator": "AutoModelForMaskedLM",
        "discriminator": "AutoModelForPreTraining",
    },
}
"""By family and exported folder: the class of transformers that loads all heads."""

FRAMEWORKS = {"pt": "torch", "flax": "flax", "tf": "tensorflow"}
"""By name in loads_alone.py: the package that it needs besides transformers."""


class SelfCheckError(UserError):
    """An export that does not give what training gives."""


@dataclass(frozen=True)
class Findings:
    """What a check compared."""

    framework: str
    version: str
    """Of transformers."""
    largest_difference: float
    """Of two logits."""
    num_logits: int
    num_lines: int

    def __str__(self) -> str:
        """Returns a line for the log and the model card."""
        return (
            f"{self.framework} (transformers {self.version}): {self.num_logits:,} logits"
            f" differ by {self.largest_difference:.1e} at most;"
            f" the ids of {self.num_lines:,} lines are equal"
        )


def is_installed(framework: str) -> bool:
    """Whether this environment can load an export with a framework."""
    needed = (FRAMEWORKS[framework], "transformers")
    return all(importlib.util.find_spec(package) is not None for package in needed)


def check_export(
    trained: TrainedModel,
    folder: epath.Path,
    lines: Sequence[str],
    framework: str,
    python: str = sys.executable,
) -> Findings:
    """Compares an exported folder with the model that it was made from.

    Args:
      trained: the model; computes in float32, with weights as they were written.
      folder: of the export.
      lines: texts whose token ids are compared, and some of whose logits are.
      framework: one of `FRAMEWORKS`.
      python: interpreter that has the framework.

    Raises:
      SelfCheckError: if the folder does not load, or gives something else.
    """
    rows = _rows(trained, lines)
    expected = head_outputs(trained, rows)
    classes = AUTO_CLASSES[trained.family]
    questions = {
        "tokenizer": next(iter(classes)),
        "lines": list(lines),
        "models": [
            {
                "folder": name,
                "auto_class": classes[name],
                "inputs": _inputs(trained, rows),
            }
            for name in expected
        ],
    }
    answers = _ask(folder, framework, questions, python)
    problems = _tokenizer_problems(trained, lines, answers)
    largest, compared, more = _compare(expected, answers, rows["segments"] > 0)
    problems += more
    if problems:
        raise SelfCheckError(
            f"the export does not give what training gives, loaded with {framework}:"
            + "".join(f"\n  - {problem}" for problem in problems)
        )
    version = str(answers["version"])
    return Findings(framework, version, largest, compared, len(lines))


def _rows(trained: TrainedModel, lines: Sequence[str]) -> dict[str, np.ndarray]:
    """Rows of text as in training, and a full one of all kinds of tokens."""
    limit = min(trained.position_limit or LONGEST_ROW, LONGEST_ROW)
    pad_id = trained.hf_model.token_ids.get("pad_token_id", 0)
    texts = [line for line in lines if trained.tokenizer.encode(line)][:4]
    ids = [
        _with_marks(trained, trained.tokenizer.encode(text))[:limit] for text in texts
    ]
    others = np.delete(np.arange(trained.tokenizer.vocab_size), pad_id)
    generator = np.random.default_rng(0)
    rows = rows_of([*ids, generator.choice(others, limit).tolist()], pad_id, limit)
    types = getattr(trained.settings.model, "type_vocab_size", 1)
    drawn = generator.integers(0, types, rows["tokens"].shape)
    rows["token_types"] = np.where(rows["segments"] > 0, drawn, 0).astype(np.int32)
    return rows


def _inputs(trained: TrainedModel, rows: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """The rows by the names of transformers."""
    inputs = {"input_ids": rows["tokens"], "attention_mask": rows["segments"]}
    if "token_types" in trained.settings.model.inputs:
        inputs["token_type_ids"] = rows["token_types"]
    return {name: array.tolist() for name, array in inputs.items()}


def _with_marks(trained: TrainedModel, ids: Sequence[int]) -> list[int]:
    """Ids between the marks that stand around a text in training."""
    tokenizer = trained.tokenizer
    if trained.is_decoder:
        return [mark for mark in (tokenizer.bos_id,) if mark is not None] + [*ids]
    marks = [mark for mark in (tokenizer.cls_id, tokenizer.sep_id) if mark is not None]
    return [*marks[:1], *ids, *marks[1:]]


def _ask(
    folder: epath.Path, framework: str, questions: Mapping[str, Any], python: str
) -> dict[str, Any]:
    """Runs loads_alone.py from an empty folder."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        asked, answered = place / "questions.json", place / "answers.npz"
        asked.write_text(json.dumps(questions), encoding="utf-8")
        script = Path(__file__).with_name("loads_alone.py")
        command = [python, "-I", script, framework, Path(folder).resolve()]
        result = subprocess.run(
            [*map(str, command), str(asked), str(answered)],
            cwd=place,
            env={
                **without_token_variables(),
                "HF_HOME": name,
                "JAX_PLATFORMS": "cpu",
            },
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        if result.returncode or not answered.exists():
            last = "\n    ".join(result.stderr.strip().splitlines()[-5:])
            raise SelfCheckError(
                f"the export cannot be loaded with {framework}; its last words:\n"
                f"    {last}"
            )
        with np.load(answered) as arrays:
            return dict(arrays)


def _tokenizer_problems(
    trained: TrainedModel, lines: Sequence[str], answers: Mapping[str, Any]
) -> list[str]:
    """Lines that the exported tokenizer turns into other ids."""
    problems = []
    for name in ("plain", "special"):
        differing = []
        for line, found in zip(lines, json.loads(str(answers[name])), strict=True):
            expected = trained.tokenizer.encode(line)
            if name == "special":
                expected = _with_marks(trained, expected)
            if found != expected:
                differing.append((line, expected, found))
        if differing:
            line, expected, found = differing[0]
            place = _first_difference(expected, found)
            problems.append(
                f"token ids ({name}) of {len(differing)} of {len(lines)} lines differ;"
                f" first {line!r}: from place {place} on {expected[place : place + 8]} in"
                f" training, {found[place : place + 8]} in the export"
            )
    return problems


def _first_difference(one: Sequence[int], other: Sequence[int]) -> int:
    pairs = itertools.zip_longest(one, other)
    return next(place for place, (a, b) in enumerate(pairs) if a != b)


def _compare(
    expected: HeadOutputs, answers: Mapping[str, Any], real: np.ndarray
) -> tuple[float, int, list[str]]:
    """Returns (largest difference, logits compared, problems)."""
    largest, compared, problems = 0.0, 0, []
    for place, ours, theirs in _pairs(expected, answers):
        if theirs is None or ours.shape != theirs.shape:
            shape = "nothing" if theirs is None else f"shape {theirs.shape}"
            problems.append(f"{place}: {shape} where {ours.shape} is expected")
            continue
        if ours.shape[:2] == real.shape:
            ours, theirs = ours[real], theirs[real]
        difference = np.abs(ours - theirs)
        worst = float(np.nan_to_num(difference, nan=np.inf).max())
        largest, compared = max(largest, worst), compared + ours.size
        if worst > TOLERANCE:
            count = int((~(difference <= TOLERANCE)).sum())
            problems.append(
                f"{place}: {count:,} of {ours.size:,} logits differ by more than"
                f" {TOLERANCE:g}, at most by {worst:.4g} (ours lie between"
                f" {ours.min():.4g} and {ours.max():.4g})"
            )
    return largest, compared, problems


def _pairs(
    expected: HeadOutputs, answers: Mapping[str, Any]
) -> Iterator[tuple[str, np.ndarray, np.ndarray | None]]:
    """(place, ours, theirs) for each output."""
    for number, (folder, outputs) in enumerate(expected.items()):
        for name, ours in outputs.items():
            theirs = answers.get(f"{number}/{name}")
            yield f"{folder or CONFIG_FILE.removesuffix('.json')} {name}", ours, theirs
