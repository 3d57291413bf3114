"""How fast a train step is, beside its peers; prints JSON.

python -m benchmarks.train_step --preset=cpu --json=train_step.json
python -m benchmarks.train_step --preset=gpu --json=train_step.json

Contestants take turns on the same batches, with the same sizes, data type, dropout and
AdamW (contest.py): this project; transformers in torch, compiled; transformers 4 in Flax;
and the choices of the reference recipe. One that is not installed is left out with a line.
`ratio` is a contestant's time over ours. `share_of_limit` is a contestant's floating-point
operations a second (by our count for this network) over those of the fastest large product
of matrices in the same rounds.
"""

import dataclasses
from typing import Any

from benchmarks.cases import PRESETS, Case
from benchmarks.contest import compete
from benchmarks.turns import run_cases

CONTESTANTS = {
    "ours": "ours",
    "torch": "torch_peer",
    "flax": "flax_peer",
    "reference recipe": "reference_recipe",
    "product of matrices": "matrix_product",
    "product of matrices in torch": "torch_product",
}
PRODUCTS = [name for name in CONTESTANTS if name.startswith("product")]


def measure(case: Case, *, rounds: int, turn_seconds: float) -> dict[str, Any]:
    """Lets all contestants take turns at a case."""
    fields = dataclasses.asdict(case)
    found = compete(CONTESTANTS, fields, rounds=rounds, turn_seconds=turn_seconds)
    limit = 0.0
    for name in PRODUCTS:
        if "milliseconds" in found[name]:
            found[name].pop("ratio")
            found[name].pop("ratio_processor")
            speed = found[name]["flops_per_step"] / found[name]["milliseconds"] / 1e6
            found[name]["gflops"] = round(speed, 1)
            limit = max(limit, speed)
    flops = found["ours"].pop("flops_per_step")
    for name in CONTESTANTS:
        if name in PRODUCTS or "milliseconds" not in found[name]:
            continue
        milliseconds = found[name]["milliseconds"]
        tokens = case.rows * case.length
        found[name]["tokens_per_second"] = round(1e3 * tokens / milliseconds)
        found[name]["share_of_limit"] = round(flops / milliseconds / 1e6 / limit, 3)
    return found


if __name__ == "__main__":
    run_cases(__doc__, PRESETS, measure, turn_seconds=2.0)
