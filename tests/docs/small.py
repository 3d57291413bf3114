"""Stands for `python` where commands of the documentation are run: makes them small.

The command is as it was typed; what takes long is given once more at its end, where the
last value counts.
"""

import os
import sys

TOOLS = "transformer_lm.tools."
SHRUNK = {
    "main.py": [
        "--config.num_train_steps=3",
        "--config.warmup_steps=1",
        "--config.log_every_steps=1",
        "--config.eval_every_steps=3",
        "--config.checkpoint_every_steps=3",
        "--config.num_eval_steps=1",
        "--config.num_layers=1",
        "--config.vocab_size=1000",
        "--config.max_corpus_chars=100000",
        "--config.batch_size=8",
        "--config.per_device_batch_size=None",
        "--config.grad_accumulation_steps=1",
        "--config.eval_per_device_batch_size=8",
        "--config.max_predict_length=20",
    ],
    "generate_text.py": ["--num_generated_texts=1"],
    f"{TOOLS}train_tokenizer": [
        "--vocab_size=1000",
        "--limit_alphabet=600",
        "--sample_characters=100000",
    ],
    f"{TOOLS}evaluate": ["--max_batches=1", "--max_rows=1"],
    f"{TOOLS}replay": ["--step=3"],
    f"{TOOLS}import_legacy": [
        "--config.num_layers=1",
        "--config.emb_dim=4",
        "--config.qkv_dim=4",
        "--config.mlp_dim=8",
        "--config.num_heads=2",
        "--config.logits_via_embedding=true",
    ],
    "benchmarks/tokenization.py": ["--characters=20000"],
    "benchmarks/prepared.py": ["--documents=40"],
    "benchmarks/tiled_loss.py": ["--positions=64", "--embed=8", "--words=99"],
}
OF_CONFIG = {
    # A model of characters, which has as many pieces as were asked for.
    "aozora": ["--config.vocab_size=300"],
}
CONTESTS = {
    *("benchmarks.train_step", "benchmarks.sampling", "benchmarks.checkpoint"),
    *("benchmarks.all_cpu", "benchmarks/compile_time.py"),
}
"""They compile for minutes whatever their flags say: their flags alone are read."""
READ_FLAGS = """
import argparse, runpy, sys
parse = argparse.ArgumentParser.parse_args
argparse.ArgumentParser.parse_args = lambda *given: sys.exit(parse(*given) is None)
program = sys.argv.pop(1)
if program.endswith(".py"):
    runpy.run_path(program, run_name="__main__")
else:
    runpy.run_module(program, run_name="__main__")
"""


def shrunk(arguments: list[str]) -> list[str]:
    """Python's arguments for a small command."""
    is_module = arguments[0] == "-m"
    program = arguments[1] if is_module else arguments[0]
    if program in CONTESTS:
        return ["-c", READ_FLAGS, program, *arguments[1 + is_module :]]
    more = list(SHRUNK.get(program, []))
    if program == "main.py":
        for name, own in OF_CONFIG.items():
            if any(f"{name}.py" in given for given in arguments):
                more += own
    return [*arguments, *more]


if __name__ == "__main__":
    os.execv(sys.executable, [sys.executable, *shrunk(sys.argv[1:])])
