"""Writes tf_model.h5 beside model.safetensors, in an environment of its own.

Run as a file by export_hf.py, with an interpreter that has transformers 4,
TensorFlow 2.19 and tf-keras 2.19 (docs/export.md); it imports nothing of this project:

    python -I write_tf.py FOLDER CLASS
"""

import os
import sys
import tempfile
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_VERBOSITY"] = "error"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ["USE_TORCH"] = os.environ["USE_FLAX"] = "0"

import transformers

TF_FILE = "tf_model.h5"


def main() -> None:
    """Loads the safetensors with a TF class and saves its weights."""
    folder, name = Path(sys.argv[1]), sys.argv[2]
    model = getattr(transformers, f"TF{name}").from_pretrained(folder)
    with tempfile.TemporaryDirectory() as place:
        model.save_pretrained(place)
        (folder / TF_FILE).write_bytes((Path(place) / TF_FILE).read_bytes())


if __name__ == "__main__":
    main()
