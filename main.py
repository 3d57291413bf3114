"""Trains a language model from a config.

  python main.py --config=configs/quickstart.py --workdir=runs/quickstart

Any key of the config can be changed: --config.learning_rate=1e-3. The same command goes
on after an interruption.
"""

from collections.abc import Sequence
from pathlib import Path

from absl import flags

from transformer_lm import command_line
from transformer_lm.parallel import start_distributed

CONFIG = flags.DEFINE_string(
    "config", None, "Config file, for instance configs/quickstart.py.", required=True
)
WORKDIR = flags.DEFINE_string(
    "workdir",
    None,
    "Folder (also gs://) for checkpoints, metrics and samples; by default"
    " runs/<name of the config file>.",
)
PRINT_CONFIG = flags.DEFINE_bool(
    "print_config", False, "Print all keys with their values, and end."
)
COORDINATOR = flags.DEFINE_string(
    "coordinator",
    None,
    "For several processes: host:port of process 0, or 'auto' on Cloud TPU pods, SLURM,"
    " Kubernetes and Open MPI.",
)
NUM_PROCESSES = flags.DEFINE_integer(
    "num_processes", None, "Number of processes; not with --coordinator=auto."
)
PROCESS_ID = flags.DEFINE_integer(
    "process_id", None, "Number of this process, from 0; not with --coordinator=auto."
)
TAKE_OVER = flags.DEFINE_bool(
    "take_over",
    False,
    "Take the work folder from a run of another machine that is gone: its lock is"
    " watched for a minute first.",
)


def main(overrides: Sequence[str]) -> None:
    """Resolves the config and runs it."""
    settings = command_line.settings_from(CONFIG.value, overrides)
    if PRINT_CONFIG.value:
        print(settings.to_json(), end="")
        return
    start_distributed(COORDINATOR.value, NUM_PROCESSES.value, PROCESS_ID.value)
    from transformer_lm.train.closing import closing_summary
    from transformer_lm.train.loop import run

    name = CONFIG.value.replace(".py:", "_").removesuffix(".py")
    workdir = WORKDIR.value or str(Path("runs") / Path(name).name)
    outcome = run(settings, workdir, take_over=TAKE_OVER.value)
    print(closing_summary(outcome, workdir))


if __name__ == "__main__":
    command_line.start(main)
