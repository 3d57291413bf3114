"""Trains a language model from a config.

  python main.py --config=configs/quickstart.py --workdir=runs/quickstart

transformer_lm/tools/train.py has the arguments: it is the command transformer-lm-train of
an installation, too. What it runs is transformer_lm/train/loop.py.
"""

from transformer_lm.tools.train import start

if __name__ == "__main__":
    start()
