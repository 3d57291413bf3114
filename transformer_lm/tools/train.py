"""Trains a language model from a config.

  python main.py --config=configs/quickstart.py --workdir=runs/quickstart
  transformer-lm-train --config=quickstart       (where the package is installed)

Any key of the config can be changed: --config.learning_rate=1e-3. The same command goes
on after an interruption.
"""

import argparse
from pathlib import Path
from typing import NoReturn

from transformer_lm.command_line import start_program
from transformer_lm.config_files import settings_from
from transformer_lm.processes import start_distributed
from transformer_lm.tools.command import CONFIG_HELP, ConfigParser, ToolParser
from transformer_lm.train.closing import closing_summary
from transformer_lm.train.loop import run


def main(arguments: argparse.Namespace) -> None:
    """Resolves the config and runs it."""
    settings = settings_from(arguments.config, arguments.overrides)
    if arguments.print_config:
        print(settings.to_json(), end="")
        return
    start_distributed(
        arguments.coordinator, arguments.num_processes, arguments.process_id
    )
    workdir = arguments.workdir or _default_workdir(arguments.config)
    outcome = run(settings, workdir, take_over=arguments.take_over)
    print(closing_summary(outcome, workdir))


def _default_workdir(config: str) -> str:
    """Returns runs/tiny for configs/tiny.py, runs/tiny_bert for configs/tiny.py:bert."""
    name = Path(config.replace(".py:", "_").replace(":", "_")).name
    return str(Path("runs") / name.removesuffix(".py"))


def parser() -> ToolParser:
    """Returns the program's arguments."""
    made = ConfigParser(description=__doc__)
    made.add_argument("--config", required=True, help=CONFIG_HELP)
    made.add_argument(
        "--workdir",
        help="folder (also gs://) for checkpoints, metrics and samples (default:"
        " runs/<name of the config file>)",
    )
    made.add_argument(
        "--print_config",
        action="store_true",
        help="print all keys with their values, and end",
    )
    made.add_argument(
        "--coordinator",
        help="for several processes: host:port of process 0, or 'auto' on Cloud TPU"
        " pods, SLURM, Kubernetes and Open MPI",
    )
    made.add_argument(
        "--num_processes",
        type=int,
        help="number of processes; not with --coordinator=auto",
    )
    made.add_argument(
        "--process_id",
        type=int,
        help="number of this process, from 0; not with --coordinator=auto",
    )
    made.add_argument(
        "--take_over",
        action="store_true",
        help="take the work folder from a run of another machine that is gone: its lock"
        " is watched for a minute first",
    )
    return made


def start() -> NoReturn:
    """Is the command transformer-lm-train, and main.py."""
    start_program(main, parser())


if __name__ == "__main__":
    start()
