"""Loads an exported folder with the Auto classes of transformers alone.

Run as a file, in a process of its own, by self_check.py: it imports nothing of this
project, so that what it finds is what a stranger finds. It reads a file of questions
and writes a file of answers:

    python -I loads_alone.py FRAMEWORK FOLDER QUESTIONS.json ANSWERS.npz

FRAMEWORK is pt, flax or tf. The questions: `tokenizer` (folder, or null), `lines`
(texts), `models` (a list of `folder`, `auto_class`, `inputs`).
"""

import json
import os
import sys
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_VERBOSITY"] = "error"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["TF_USE_LEGACY_KERAS"] = "1"
PREFIXES = {"pt": "", "flax": "Flax", "tf": "TF"}
FRAMEWORK = sys.argv[1]
for _name, _framework in (("TORCH", "pt"), ("FLAX", "flax"), ("TF", "tf")):
    os.environ[f"USE_{_name}"] = "1" if _framework == FRAMEWORK else "0"

import numpy as np  # noqa: E402
import transformers  # noqa: E402


def logits(folder: Path, auto_class: str, inputs: dict) -> dict[str, np.ndarray]:
    """Returns the named logits of a model."""
    chosen = getattr(transformers, PREFIXES[FRAMEWORK] + auto_class)
    # Or the TF classes of 4.57 try to read the safetensors, and fail.
    options = {"use_safetensors": False} if FRAMEWORK == "tf" else {}
    if FRAMEWORK == "pt":
        options = {"torch_dtype": "float32"}
    model = chosen.from_pretrained(folder, trust_remote_code=True, **options)
    if FRAMEWORK == "pt":
        model.eval()
    tensors = transformers.BatchEncoding(
        inputs, tensor_type={"flax": "np"}.get(FRAMEWORK, FRAMEWORK)
    )
    outputs = model(**tensors)
    return {
        name: value.detach().numpy() if FRAMEWORK == "pt" else np.asarray(value)
        for name, value in outputs.items()
        if name.endswith("logits")
    }


def main() -> None:
    """Answers the questions."""
    folder, questions, answers = map(Path, sys.argv[2:])
    asked = json.loads(questions.read_text(encoding="utf-8"))
    found: dict[str, np.ndarray] = {
        "version": np.array(transformers.__version__),
    }
    if asked["tokenizer"] is not None:
        tokenizer = transformers.AutoTokenizer.from_pretrained(
            folder / asked["tokenizer"], trust_remote_code=True
        )
        for name, special in (("plain", False), ("special", True)):
            ids = [
                tokenizer(line, add_special_tokens=special)["input_ids"]
                for line in asked["lines"]
            ]
            found[name] = np.array(json.dumps(ids))
    for number, model in enumerate(asked["models"]):
        outputs = logits(folder / model["folder"], model["auto_class"], model["inputs"])
        found |= {f"{number}/{name}": array for name, array in outputs.items()}
    np.savez(answers, **found)  # pyright: ignore[reportArgumentType]


if __name__ == "__main__":
    main()
