"""Stands for `python` where commands of the documentation are run: makes them small.

The command is as it was typed; what takes long is given once more at its end, where the
last value counts.
"""

import os
import sys

TOOLS = "transformer_lm.tools."
TRAINING = "main.py"
TOKENIZER = f"{TOOLS}train_tokenizer"
NARROW = ["--config.emb_dim=32", "--config.num_heads=2", "--config.mlp_dim=64"]
SHORT = ["--config.max_target_length=128", "--config.max_eval_target_length=128"]
SHRUNK = {
    (TRAINING, ""): [
        "--config.num_train_steps=3",
        "--config.warmup_steps=1",
        "--config.log_every_steps=1",
        "--config.eval_every_steps=3",
        "--config.checkpoint_every_steps=3",
        "--config.num_eval_steps=1",
        "--config.num_layers=1",
        "--config.vocab_size=1200",
        "--config.max_corpus_chars=100000",
        "--config.batch_size=8",
        "--config.per_device_batch_size=None",
        "--config.grad_accumulation_steps=1",
        "--config.eval_per_device_batch_size=8",
        "--config.max_predict_length=20",
    ],
    # A model of characters: it must find as many as are asked for.
    (TRAINING, "configs/aozora.py"): ["--config.vocab_size=300"],
    # Every character of the text, as a whole word and inside one.
    (TRAINING, "configs/bert"): ["--config.vocab_size=2000", *NARROW],
    (TRAINING, "configs/gpt2"): [*NARROW, *SHORT],
    (TRAINING, "configs/japanese"): [*NARROW, "--config.qkv_dim=32"],
    ("generate_text.py", ""): ["--num_generated_texts=1"],
    (TOKENIZER, ""): ["--vocab_size=1200", "--sample_characters=100000"],
    (TOKENIZER, "--kind=wordpiece"): ["--limit_alphabet=600"],
    (f"{TOOLS}evaluate", ""): ["--max_batches=1", "--max_rows=1"],
    (f"{TOOLS}replay", ""): ["--step=3"],
    (f"{TOOLS}import_legacy", ""): [
        "--config.num_layers=1",
        "--config.emb_dim=4",
        "--config.qkv_dim=4",
        "--config.mlp_dim=8",
        "--config.num_heads=2",
        "--config.logits_via_embedding=true",
    ],
    ("benchmarks/tokenization.py", ""): ["--characters=20000"],
    ("benchmarks/prepared.py", ""): ["--documents=40"],
    ("benchmarks/tiled_loss.py", ""): ["--positions=64", "--embed=8", "--words=99"],
}
"""What is added to a program's arguments, where one of them has the second text."""
CONTESTS = {
    *("benchmarks.train_step", "benchmarks.sampling", "benchmarks.checkpoint"),
    "benchmarks.all_cpu",
}
"""They compile for minutes whatever their flags say: their flags alone are read."""
READ_FLAGS = """
import argparse, runpy, sys
parse = argparse.ArgumentParser.parse_args
argparse.ArgumentParser.parse_args = lambda *given: sys.exit(print(parse(*given)))
runpy.run_module(sys.argv.pop(1), run_name="__main__")
"""


def shrunk(arguments: list[str]) -> list[str]:
    """Python's arguments for a small command."""
    program = arguments[1] if arguments[0] == "-m" else arguments[0]
    if program in CONTESTS:
        return ["-c", READ_FLAGS, *arguments[1:]]
    more = [
        small
        for (shrunk_program, text), added in SHRUNK.items()
        if shrunk_program == program and any(text in given for given in arguments)
        for small in added
    ]
    return [*arguments, *more]


if __name__ == "__main__":
    os.execv(sys.executable, [sys.executable, *shrunk(sys.argv[1:])])
