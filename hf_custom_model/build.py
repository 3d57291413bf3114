"""Makes a self-contained folder for the Hugging Face Hub from a trained model.

  python hf_custom_model/build.py --workdir=runs/quickstart --output=exports/quickstart

The same as `python -m transformer_lm.tools.export_hf`, which puts the files of this
folder beside models and tokenizers that transformers has no class for.
"""

import sys
from pathlib import Path

# The folder transformer_lm beside this file must not be taken for the package.
sys.path[0] = str(Path(__file__).resolve().parents[1])

from transformer_lm.tools.command import start_tool
from transformer_lm.tools.export_hf import main, parser

if __name__ == "__main__":
    start_tool(main, parser())
