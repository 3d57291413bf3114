"""How the time to compile a train step grows with the layers, with scan; prints JSON.

python benchmarks/compile_time.py --config=configs/lm1b_default.py --layers=6,24
python benchmarks/compile_time.py --config=configs/lm1b_default.py --topology=v4-8

Without --topology it compiles for this machine's own device. The numbers of layers take
turns; `ratio` compares the medians of the last with the first. Seconds of the processor
(all threads) stand beside those of the clock, because they bear other work on the machine.
"""

import argparse
import json
import platform
import statistics
import time
from typing import cast

import jax

from transformer_lm.config_files import settings_from
from transformer_lm.planning.inputs import abstract_batch, planned_vocabulary
from transformer_lm.planning.topologies import topology
from transformer_lm.train.program import build_program


def compile_once(config: str, overrides: list[str], slice_name: str | None) -> dict:
    """Returns seconds of tracing and of compiling one train step."""
    jax.clear_caches()
    settings = settings_from(config, overrides)
    devices = topology(slice_name).devices() if slice_name else jax.devices()[:1]
    program = build_program(settings, planned_vocabulary(settings), devices)
    rows = settings.training.global_batch_size(len(devices))
    batch = abstract_batch(settings, program.mesh, rows)
    step = cast(jax.stages.Wrapped, program.train_step)
    marks = [(time.perf_counter(), time.process_time())]
    lowered = step.lower(program.abstract, batch)
    marks.append((time.perf_counter(), time.process_time()))
    lowered.compile()
    marks.append((time.perf_counter(), time.process_time()))
    names = ("trace", "compile")
    return {
        f"{name}_{clock}_seconds": after[place] - before[place]
        for name, before, after in zip(names, marks, marks[1:], strict=False)
        for place, clock in enumerate(("wall", "processor"))
    }


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", required=True, help="config file of ours")
    parser.add_argument("--layers", default="6,24", help="numbers of layers")
    parser.add_argument("--topology", help="TPU slice, as v4-8 (default: this machine)")
    parser.add_argument("--repeats", type=int, default=3, help="turns; default 3")
    parser.add_argument("--unrolled", action="store_true", help="without scan")
    arguments, overrides = parser.parse_known_args()
    if arguments.topology:
        jax.config.update("jax_platforms", "cpu")
    scan = f"--config.scan_layers={not arguments.unrolled}"
    layers = [int(number) for number in arguments.layers.split(",")]
    runs: dict[int, list[dict]] = {number: [] for number in layers}
    for _ in range(arguments.repeats):
        for number in layers:
            given = [*overrides, scan, f"--config.num_layers={number}"]
            runs[number].append(
                compile_once(arguments.config, given, arguments.topology)
            )
    medians = {
        number: {
            name: round(statistics.median(run[name] for run in found), 2)
            for name in found[0]
        }
        for number, found in runs.items()
    }
    first, last = medians[layers[0]], medians[layers[-1]]
    result = {
        "config": arguments.config,
        "overrides": [*overrides, scan],
        "target": arguments.topology or jax.devices()[0].device_kind,
        "host": platform.processor() or platform.machine(),
        "jax": jax.__version__,
        "repeats": arguments.repeats,
        "medians": medians,
        "ratio": {name: round(last[name] / first[name], 3) for name in first},
    }
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
