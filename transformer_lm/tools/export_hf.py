"""Exports a trained model as a folder that transformers loads, and proves it equal.

    python -m transformer_lm.tools.export_hf --workdir=runs/mine --output=exports/mine

Weights, config, tokenizer, generation settings and a model card are written under a
temporary name. The folder gets its name only when a fresh process, which imports nothing
of this project, has loaded it and found the logits and token ids of training.
"""

import argparse
import contextlib
import dataclasses
import logging
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import jax
import jax.numpy as jnp
from etils import epath

from transformer_lm.convert.to_hf import DTYPES
from transformer_lm.environment import prepare_environment
from transformer_lm.registry import UserError
from transformer_lm.tools import export_parts
from transformer_lm.tools.check_lines import check_lines
from transformer_lm.tools.command import ToolParser, start_tool
from transformer_lm.tools.model_card import CardFacts
from transformer_lm.tools.push_to_hub import push
from transformer_lm.tools.self_check import Findings, check_export, is_installed
from transformer_lm.tools.trained_model import TrainedModel, open_trained

LOGGER = logging.getLogger("transformer_lm")
FORMATS = ("safetensors", "flax", "tf")
CHECKS = ("auto", "none")


@dataclasses.dataclass(frozen=True)
class ExportOptions:
    """What is written, and how it is checked."""

    dtype: str = "float32"
    """Of the weights; one of `convert.to_hf.DTYPES`."""
    formats: tuple[str, ...] = ("safetensors", "flax")
    """Of the weights."""
    self_check: str = "auto"
    """auto: with every framework that is installed; none: not at all."""
    tf_python: str = sys.executable
    """Interpreter of the environment that writes tf_model.h5."""

    def problems(self, family: str) -> list[str]:
        """Lists what cannot work, a line each."""
        problems = [
            f"--formats: {name!r} is unknown; choose from {', '.join(FORMATS)}"
            for name in self.formats
            if name not in FORMATS
        ]
        if "safetensors" not in self.formats:
            problems.append("--formats must have safetensors; the others come besides")
        if "tf" in self.formats and family == "transformer_lm":
            problems.append("--formats: transformers has no TF class of transformer_lm")
        if "tf" in self.formats and self.dtype != "float32":
            problems.append(f"--formats=…,tf needs --dtype=float32, not {self.dtype}")
        if "flax" in self.formats and self.dtype == "bfloat16":
            problems.append(
                "--formats=…,flax cannot hold --dtype=bfloat16; give --formats=safetensors"
            )
        return problems


def export(
    workdir: str,
    output: str,
    facts: CardFacts,
    options: ExportOptions,
    step: int | None = None,
) -> list[Findings]:
    """Exports a checkpoint; nothing is left under `output` unless all went well.

    Args:
      workdir: work folder of a run, local or gs://.
      output: folder to make, on this machine.
      facts: what the model card says besides.
      options: what is written and checked.
      step: checkpoint; None: the newest.

    Returns:
      What the self-checks found.

    Raises:
      UserError: if something cannot be written, or the export is not equal.
    """
    goal = Path(output)
    if goal.exists():
        raise UserError(f"--output={output} exists; give another, or remove it")
    frameworks = _frameworks(options)
    trained = open_trained(workdir, step=step, dtype="float32")
    if problems := options.problems(trained.family):
        raise UserError(
            "\n  - ".join(["what was asked for cannot be done:", *problems])
        )
    rounded = trained.hf_model.rounded(options.dtype)
    trained = dataclasses.replace(
        trained, parameters=jax.tree.map(jnp.asarray, rounded.parameters)
    )
    with _unfinished(goal) as folder:
        export_parts.write_model(trained, folder, options.dtype, options.formats)
        if "tf" in options.formats:
            export_parts.write_tf(trained, folder, options.tf_python)
        findings = _check(trained, folder, frameworks, options)
        checks = [str(finding) for finding in findings]
        export_parts.write_card(trained, folder, facts, checks)
        Path(folder).replace(goal)
    return findings


def _frameworks(options: ExportOptions) -> list[str]:
    """The frameworks to check with.

    Raises:
      UserError: if none is installed.
    """
    if options.self_check == "none":
        LOGGER.warning("--self_check=none: nothing proves that this export is right")
        return []
    wanted = {"pt": "safetensors", "flax": "flax", "tf": "tf"}
    found = [
        framework
        for framework, kind in wanted.items()
        if kind in options.formats and (kind == "tf" or is_installed(framework))
    ]
    if not found:
        raise UserError(
            "the self-check needs torch, or transformers 4 with Flax; install one"
            " (pip install torch), or give --self_check=none to export unproved"
        )
    if "pt" not in found:
        LOGGER.warning(
            "torch is not installed: model.safetensors is not loaded by the self-check;"
            " the same weights are checked with %s",
            " and ".join(found),
        )
    return found


def _check(
    trained: TrainedModel,
    folder: epath.Path,
    frameworks: Sequence[str],
    options: ExportOptions,
) -> list[Findings]:
    lines = check_lines(trained.settings.source) if frameworks else []
    findings = []
    for framework in frameworks:
        LOGGER.info("self-check: loading the export with %s …", framework)
        python = options.tf_python if framework == "tf" else sys.executable
        findings.append(check_export(trained, folder, lines, framework, python))
        LOGGER.info("self-check: %s", findings[-1])
    return findings


@contextlib.contextmanager
def _unfinished(goal: Path) -> Iterator[epath.Path]:
    """A folder beside `goal` that is gone afterwards, unless it was renamed."""
    folder = goal.with_name(f".{goal.name}.unfinished-{os.getpid()}")
    try:
        folder.mkdir(parents=True)
        yield epath.Path(folder)
    except OSError as error:
        raise UserError(
            f"the export could not be written to {goal}: {error}. Free space or give"
            " another --output; nothing was left there."
        ) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main(arguments: argparse.Namespace) -> None:
    """Exports, and pushes where asked."""
    prepare_environment()
    name = arguments.push_to_hub or Path(arguments.output).name
    export(
        arguments.workdir,
        arguments.output,
        CardFacts(name, arguments.language, arguments.license),
        ExportOptions(
            arguments.dtype,
            tuple(arguments.formats.split(",")),
            arguments.self_check,
            arguments.tf_python,
        ),
        arguments.step,
    )
    print(f"exported to {arguments.output}")
    if arguments.push_to_hub:
        print(f"pushed to {push(arguments.output, arguments.push_to_hub)}")


def parser() -> ToolParser:
    """Returns the command's arguments."""
    made = ToolParser(module="transformer_lm.tools.export_hf", description=__doc__)
    made.add_argument("--workdir", required=True, help="work folder of a run")
    made.add_argument("--output", required=True, help="folder to make")
    made.add_argument("--step", type=int, help="checkpoint; by default the newest")
    made.add_argument(
        "--dtype",
        default="float32",
        choices=tuple(DTYPES),
        help="of the weights (default: float32)",
    )
    made.add_argument(
        "--formats",
        default="safetensors,flax",
        help="safetensors, flax, tf, by commas (default: safetensors,flax)",
    )
    made.add_argument(
        "--self_check",
        default="auto",
        choices=CHECKS,
        help="auto: load the export with all that is installed; none: prove nothing",
    )
    made.add_argument(
        "--tf_python",
        default=sys.executable,
        help="interpreter with TensorFlow 2.19 and tf-keras, for --formats=…,tf",
    )
    made.add_argument("--language", default="ja", help="for the model card")
    made.add_argument("--license", help="for the model card, such as cc-by-sa-4.0")
    made.add_argument(
        "--push_to_hub",
        metavar="USER/NAME",
        help="upload to this repository; the token comes from HF_TOKEN or `hf auth login`",
    )
    return made


if __name__ == "__main__":
    start_tool(main, parser())
