"""Writes texts with a trained decoder.

  python generate_text.py --workdir=runs/quickstart --config.prompts='昨日、;;田中さんは'

transformer_lm/tools/generate.py has the arguments: it is the command
transformer-lm-generate of an installation, too.
"""

from transformer_lm.tools.generate import start

if __name__ == "__main__":
    start()
