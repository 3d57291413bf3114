"""How fast texts are written, beside `generate` of transformers; prints JSON.

python -m benchmarks.sampling --preset=cpu --json=sampling.json
python -m benchmarks.sampling --preset=gpu --json=sampling.json

Ten texts of 256 tokens from prompts of 16, by GPT-2 with random weights, temperature 0.6
and the 20 likeliest tokens. Contestants take turns (contest.py); `ratio` is a contestant's
time over ours. Flax's `generate` comes twice: jitted as a whole by its user, and called as
it is, which compiles its loop anew each time.
"""

import dataclasses
from typing import Any

from benchmarks.cases import PROMPT_LENGTH, SAMPLING_PRESETS, Case
from benchmarks.contest import compete
from benchmarks.turns import run_cases

CONTESTANTS = {
    "ours": "sampling_ours",
    "torch": "sampling_torch",
    "flax": "sampling_flax",
    "flax_called": "sampling_flax_called",
}


def measure(case: Case, *, rounds: int, turn_seconds: float) -> dict[str, Any]:
    """Lets all contestants take turns at a case."""
    fields = dataclasses.asdict(case)
    found = compete(CONTESTANTS, fields, rounds=rounds, turn_seconds=turn_seconds)
    tokens = case.rows * (case.length - PROMPT_LENGTH)
    for figures in found.values():
        if "milliseconds" in figures:
            speed = 1e3 * tokens / figures["milliseconds"]
            figures["tokens_per_second"] = round(speed, 1)
    return found


if __name__ == "__main__":
    run_cases(__doc__, SAMPLING_PRESETS, measure, turn_seconds=1.0)
