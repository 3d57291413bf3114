"""A worker of test_processes.py: trains on its share of each batch, prints the losses.

Arguments: coordinator, number of processes, number of this one, work folder, keys.
"""

import json
import sys
from pathlib import Path

import jax

jax.config.update("jax_platforms", "cpu")
jax.config.update("jax_num_cpu_devices", 2)

from transformer_lm.checkpoint import CheckpointStore  # noqa: E402
from transformer_lm.config_files import settings_from  # noqa: E402
from transformer_lm.parallel import to_global  # noqa: E402
from transformer_lm.processes import any_process, start_distributed  # noqa: E402
from transformer_lm.train.program import build_program  # noqa: E402

sys.path.insert(0, str(Path(__file__).parent))
from test_step import VOCABULARY, random_batch  # noqa: E402

STEPS = 5


def main(coordinator: str, count: int, index: int, workdir: str, *keys: str) -> None:
    start_distributed(coordinator, count, index)
    config = Path(__file__).parents[2] / "configs" / "tiny.py"
    settings = settings_from(
        str(config),
        [
            "--config.dropout_rate=0",
            "--config.attention_dropout_rate=0",
            *keys,
        ],
    )
    assert settings.problems_on(jax.device_count(), jax.process_count()) == []
    program = build_program(settings, VOCABULARY)
    state = program.fresh_state(0)
    losses = []
    training, devices = settings.training, jax.device_count()
    rows = training.rows_of_processes(devices, count)
    share = slice(sum(rows[:index]), sum(rows[: index + 1]))
    for step in range(STEPS):
        whole = random_batch(step, sum(rows))
        batch = to_global(
            {name: array[share] for name, array in whole.items()},
            program.mesh,
            training.grad_accumulation_steps,
            training.process_micro_rows(devices, count),
        )
        state, metrics = program.train_step(state, batch)
        total, weight = jax.device_get(metrics["sums"]["loss"])
        losses.append(float(total / weight))
    assert any_process(index == 1)
    store = CheckpointStore(workdir)
    store.save(STEPS, state, f"position {index}".encode(), settings.flat(), {})
    store.wait()
    restored, position = store.restore(STEPS, program.abstract)
    assert position == f"position {index}".encode()
    same = jax.tree.map(lambda a, b: bool((a == b).all()), restored, state)
    assert all(jax.tree.leaves(same))
    store.close()
    print(json.dumps(losses))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:])
