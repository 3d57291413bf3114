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
from safetensors.numpy import load_file
from transformers.modeling_tf_pytorch_utils import load_pytorch_state_dict_in_tf2_model

TF_FILE = "tf_model.h5"


def main() -> None:
    """Puts the weights into a TF class and saves it.

    Not by `from_pretrained`, which in transformers 4.57 walks over a safetensors file as
    if it were a dict, and fails.
    """
    folder, name = Path(sys.argv[1]), sys.argv[2]
    chosen = getattr(transformers, f"TF{name}")
    model = chosen(chosen.config_class.from_pretrained(folder))
    _, found = load_pytorch_state_dict_in_tf2_model(
        model,
        load_file(folder / "model.safetensors"),
        allow_missing_keys=True,
        output_loading_info=True,
        tf_to_pt_weight_rename=getattr(model, "tf_to_pt_weight_rename", None),
    )
    left = [*found["unexpected_keys"], *found["mismatched_keys"]]
    if left or found["missing_keys"]:
        sys.exit(f"weights are missing: {found['missing_keys']}, or left over: {left}")
    with tempfile.TemporaryDirectory() as place:
        model.save_pretrained(place)
        (folder / TF_FILE).write_bytes((Path(place) / TF_FILE).read_bytes())


if __name__ == "__main__":
    main()
