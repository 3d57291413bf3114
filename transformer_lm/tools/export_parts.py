"""The files of an export, one function a kind."""

import json
import subprocess
from collections.abc import Collection
from pathlib import Path

from etils import epath

from transformer_lm.convert import CONVERSIONS
from transformer_lm.convert.generation import generation_config
from transformer_lm.convert.remote_code import write_remote_code
from transformer_lm.convert.to_hf import CONFIG_FILE, to_json, write_weights
from transformer_lm.convert.tokenizers import write_tokenizer
from transformer_lm.registry import UserError
from transformer_lm.tokenizers.sentencepiece import MODEL_FILE
from transformer_lm.tools.curves import read_curves
from transformer_lm.tools.model_card import CURVES_FILE, CardFacts, model_card
from transformer_lm.tools.report import draw_curves
from transformer_lm.tools.trained_model import (
    EXPORTED_SETTINGS,
    VOCABULARY_FILES,
    TrainedModel,
    exported_settings,
)

GIT_ATTRIBUTES = "".join(
    f"{pattern} filter=lfs diff=lfs merge=lfs -text\n"
    for pattern in ("*.safetensors", "*.msgpack", "*.h5", "spiece.model", "*.png")
)
"""What the Hub keeps outside git: files that are large, or no text."""


def write_model(
    trained: TrainedModel, folder: epath.Path, dtype: str, formats: Collection[str]
) -> None:
    """Writes weights, config, tokenizer, generation settings and training settings."""
    model = trained.hf_model
    write_weights(model, folder, dtype=dtype, formats=formats)
    remote_code = CONVERSIONS[model.family].remote_code
    if remote_code is not None:
        write_remote_code(remote_code, folder)
    for name in model.folders():
        write_tokenizer(
            trained.tokenizer,
            folder / name,
            model_type=model.family,
            max_length=model.position_limit,
        )
        if model.is_decoder:
            values = generation_config(
                trained.settings.sampling, model.token_ids, model.position_limit
            )
            (folder / name / "generation_config.json").write_text(to_json(values))
    first = model.folders()[0]
    vocabulary = _vocabulary_file(folder, first)
    for file, content in trained.tokenizer.files.items():
        # A SentencePiece model is there already, under the name that others know.
        if file != MODEL_FILE and not (folder / first / file).exists():
            (folder / first / file).write_bytes(content)
    saved = exported_settings(trained, vocabulary)
    (folder / EXPORTED_SETTINGS).write_text(to_json(saved))
    (folder / ".gitattributes").write_text(GIT_ATTRIBUTES)


def _vocabulary_file(folder: epath.Path, name: str) -> str:
    """The file from which our own tokenizer is loaded again, seen from `folder`."""
    for file in VOCABULARY_FILES:
        if (folder / name / file).exists():
            return f"{name}/{file}" if name else file
    raise UserError(
        f"the tokenizer's files in {folder / name} have none of"
        f" {', '.join(VOCABULARY_FILES)}"
    )


def write_tf(trained: TrainedModel, folder: epath.Path, python: str) -> None:
    """Writes tf_model.h5 with the interpreter of another environment.

    Raises:
      UserError: if that environment cannot.
    """
    for name in trained.hf_model.folders():
        place = Path(folder / name).resolve()
        config = json.loads((place / CONFIG_FILE).read_text())
        script = Path(__file__).with_name("write_tf.py")
        result = subprocess.run(
            [python, "-I", str(script), str(place), config["architectures"][0]],
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode:
            last = "\n  ".join(result.stderr.strip().splitlines()[-3:])
            raise UserError(
                f"{python} could not write tf_model.h5:\n  {last}\nGive --tf_python the"
                " interpreter of an environment with transformers 4, TensorFlow 2.19"
                " and tf-keras 2.19 (docs/export.md)."
            )


def write_card(
    trained: TrainedModel, folder: epath.Path, facts: CardFacts, checks: list[str]
) -> None:
    """Writes README.md and, where the run has metrics, its curves."""
    curves = read_curves(trained.folder)
    if curves:
        (folder / CURVES_FILE).write_bytes(draw_curves(curves))
    card = model_card(trained, facts, checks, has_curves=bool(curves))
    (folder / "README.md").write_text(card)
