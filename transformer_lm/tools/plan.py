r"""Says what a config would need on a TPU, without a TPU.

    python -m transformer_lm.tools.plan --config=configs/japanese_1.0b_v1.py \
        --topology=v4-32 --config.fsdp_parallel=4

Compiles the real train step for the chips of the slice, with the compiler of TPUs
(pip install -e ".[tpu]"); takes a minute or more on a CPU. Nothing is trained, no data is
read and no account is needed.
"""

import argparse
import json

import jax
from etils import epath

from transformer_lm.config_files import config_module, settings_from
from transformer_lm.planning.memory import GIB
from transformer_lm.planning.plan import largest_batch, make_plan
from transformer_lm.planning.report import plan_text, plan_values
from transformer_lm.planning.topologies import topology
from transformer_lm.registry import UserError
from transformer_lm.tools.command import (
    CONFIG_HELP,
    ConfigParser,
    ToolParser,
    start_tool,
)


def main(arguments: argparse.Namespace) -> None:
    """Prints the plan."""
    # This machine's own devices take no part, and a TPU among them is not to be taken.
    jax.config.update("jax_platforms", "cpu")
    settings = settings_from(arguments.config, arguments.overrides)
    chosen = topology(arguments.topology or stated_topology(arguments.config))
    plan = make_plan(settings, chosen)
    print(plan_text(plan))
    values = {"config": arguments.config, "overrides": arguments.overrides}
    values["plan"] = plan_values(plan)
    if arguments.search_batch:
        rows, tried = largest_batch(settings, chosen)
        print(f"\nLargest per_device_batch_size that fits: {rows}")
        for other in tried:
            needed = other.needed_bytes
            size = "?" if needed is None else f"{needed / GIB:.2f}"
            print(
                f"  {other.rows_per_chip:g} rows a chip: {size} GiB,"
                f" {'fits' if other.fits else 'does not fit'}"
            )
        values["largest_per_device_batch_size"] = rows
        values["tried"] = [plan_values(other) for other in tried]
    if arguments.json:
        epath.Path(arguments.json).write_text(json.dumps(values, indent=1) + "\n")


def stated_topology(file: str) -> str:
    """Returns the `TOPOLOGY` of a config file; `file.py:argument` is taken, too.

    Raises:
      UserError: if it states none.
    """
    stated = getattr(config_module(file), "TOPOLOGY", None)
    if stated is None:
        raise UserError(f"--config={file} states no TOPOLOGY; give --topology=NAME")
    return stated


def parser() -> ToolParser:
    """Returns the command's arguments."""
    made = ConfigParser(module="transformer_lm.tools.plan", description=__doc__)
    made.add_argument("--config", required=True, help=CONFIG_HELP)
    made.add_argument(
        "--topology",
        help="TPU slice by its Cloud name, as v4-8, v5e-16, v5p-128, v6e-256 (default:"
        " the one that the config states)",
    )
    made.add_argument("--json", help="also write the plan there")
    made.add_argument(
        "--search_batch",
        action="store_true",
        help="also search the largest per_device_batch_size; compiles several times",
    )
    return made


if __name__ == "__main__":
    start_tool(main, parser())
