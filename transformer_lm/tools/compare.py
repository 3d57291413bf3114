"""Puts several runs side by side: a table here, and curves on one page.

    python -m transformer_lm.tools.compare runs/small runs/large --output=compare.html

The table has a run a line. The page, one file that can be read offline, draws each
figure with a curve a run and lists the settings in which the runs differ.
"""

import argparse
import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from etils import epath

from transformer_lm.json_files import read_object
from transformer_lm.metrics import format_number
from transformer_lm.registry import UserError
from transformer_lm.tools.command import ToolParser, start_tool
from transformer_lm.tools.curves import (
    BITS,
    Curve,
    Line,
    Panel,
    best,
    draw_panels,
    finite,
    logged_curves,
)
from transformer_lm.tools.report import SETTINGS_FILE
from transformer_lm.tools.web_page import flatten, now, page, picture, table

_COLOURS = (
    *("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd"),
    *("#8c564b", "#e377c2", "#7f7f7f", "#bcbd22", "#17becf"),
)
"""Matplotlib's own (Tableau 10), which the page writes too."""
MOST_RUNS = len(_COLOURS)
"""More curves in one panel cannot be told apart."""

COMPARED = {
    "train_loss": "loss",
    "eval_loss": "held-out loss",
    BITS: "bits/character",
    "eval_perplexity": "perplexity",
    "eval_accuracy": "accuracy",
    "eval_generator_loss": "generator",
    "eval_discriminator_loss": "discriminator",
    "tokens_per_second": "tokens/s",
    "mfu": "MFU %",
}
"""Metric → head of its column: the best of what can be better, the last of others."""

DRAWN = {
    "train_loss": "training loss (nats per token)",
    "eval_loss": "held-out loss (nats per token)",
    "train_discriminator_loss": "training discriminator loss (nats per token)",
    "eval_discriminator_loss": "held-out discriminator loss (nats per token)",
    BITS: "held-out bits per character",
    "eval_accuracy": "held-out accuracy",
    "learning_rate": "learning rate",
    "tokens_per_second": "tokens per second",
    "mfu": "model FLOPs utilisation (%)",
}
"""Metric → title of its panel."""


@dataclass(frozen=True)
class Run:
    """What a work folder tells of its run."""

    name: str
    curves: Mapping[str, Curve]
    settings: Mapping[str, str]

    @property
    def last_step(self) -> int:
        """The last step that was logged."""
        return max(curve[-1][0] for curve in self.curves.values())


def read_run(workdir: str) -> Run:
    """Reads figures and settings.

    Raises:
        UserError: if the folder holds no figures.
    """
    curves = logged_curves(workdir)
    file = epath.Path(workdir) / SETTINGS_FILE
    settings = flatten(read_object(file, "remove it")) if file.exists() else {}
    return Run(workdir, curves, settings)


def figure_rows(runs: Sequence[Run]) -> tuple[list[str], list[list[str]]]:
    """Heads and rows of the table: a run a row, a column for each figure of any run."""
    shown = [name for name in COMPARED if any(name in run.curves for run in runs)]
    rows = []
    for number, run in enumerate(runs, start=1):
        cells = []
        for name in shown:
            curve = run.curves.get(name)
            if curve is None:
                cells.append("")
                continue
            _, value = best(name, curve) or curve[-1]
            cells.append(format_number(value))
        rows.append([str(number), f"{run.last_step:,}", *cells, run.name])
    return ["run", "step", *(COMPARED[name] for name in shown), "work folder"], rows


def differing(runs: Sequence[Run]) -> list[list[str]]:
    """The settings in which runs differ, with the value in each run."""
    keys = sorted({key for run in runs for key in run.settings})
    values = [[key, *(run.settings.get(key, "") for run in runs)] for key in keys]
    return [row for row in values if len(set(row[1:])) > 1]


def draw_runs(runs: Sequence[Run]) -> bytes:
    """Draws each figure that any run has, a curve a run; returns a PNG.

    The legend has numbers, because matplotlib's font has no Japanese.
    """
    panels = []
    for metric, title in DRAWN.items():
        lines = tuple(
            Line(f"run {number}", _COLOURS[number - 1], points)
            for number, run in enumerate(runs, start=1)
            if (points := finite(run.curves.get(metric, [])))
        )
        if lines:
            panels.append(Panel(title, lines))
    return draw_panels(panels, max(run.last_step for run in runs))


def build_page(runs: Sequence[Run]) -> str:
    """Builds the page of a comparison."""
    head, rows = figure_rows(runs)
    numbers = [f"run {number}" for number in range(1, len(runs) + 1)]
    names = "".join(
        f'<p><b style="color:{colour}">run {number}</b>'
        f' <span lang="ja">{html.escape(run.name)}</span></p>\n'
        for number, (run, colour) in enumerate(
            zip(runs, _COLOURS, strict=False), start=1
        )
    )
    body = f"""<h1>{len(runs)} runs side by side</h1>
<p>Written {now()}. Losses, perplexity, bits per character and accuracy are each run's
best, other figures its last.</p>
{names}<h2>Figures</h2>
{table(head[:-1], [row[:-1] for row in rows], numbers=True)}
<h2>Curves</h2>
{picture(draw_runs(runs), "The figures of each run over the steps")}
<h2>Settings that differ</h2>
{table(["key", *numbers], differing(runs), numbers=False)}
"""
    return page("Runs side by side", body)


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Prints columns of figures; the last column, of names, may have any width."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)][:-1]
    for row in (head, *rows):
        cells = [
            cell.rjust(width) for cell, width in zip(row[:-1], widths, strict=True)
        ]
        print("  ".join([*cells, row[-1]]))


def parser() -> ToolParser:
    """The flags of the command."""
    made = ToolParser(
        module="transformer_lm.tools.compare",
        description=(
            "Prints the figures of several runs side by side, and writes a page with"
            " their curves\nand the settings in which they differ."
        ),
    )
    made.add_argument(
        "workdirs", nargs="+", metavar="WORKDIR", help="work folder, local or gs://"
    )
    made.add_argument("--output", help="file for the page, for instance compare.html")
    return made


def main(arguments: argparse.Namespace) -> None:
    """Prints the table and writes the page.

    Raises:
        UserError: if there are not two to ten runs, or one has no figures.
    """
    workdirs = arguments.workdirs
    if not 2 <= len(workdirs) <= MOST_RUNS:
        raise UserError(
            f"{len(workdirs)} work folder(s) given: give 2 to {MOST_RUNS}, so that"
            " their curves can be told apart"
        )
    runs = [read_run(workdir) for workdir in workdirs]
    print_table(*figure_rows(runs))
    if arguments.output is not None:
        epath.Path(arguments.output).write_text(build_page(runs))
        print(arguments.output)


if __name__ == "__main__":
    start_tool(main, parser())
