"""Turns a work folder into curves and one page that shows the run.

    python -m transformer_lm.tools.report --workdir=runs/quickstart

writes `curves.png` and `report.html` into the work folder. The page is one file: it can
be sent by mail and read offline. A run writes it when it ends.
"""

import argparse
import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from etils import epath

from transformer_lm.json_files import read_object
from transformer_lm.line_files import read_records
from transformer_lm.metrics import (
    DATA_FILE,
    ENVIRONMENT_FILE,
    SAMPLES_FILE,
    format_number,
)
from transformer_lm.tools.command import ToolParser, start_tool
from transformer_lm.tools.curves import (
    BITS,
    ENTROPY,
    GREY,
    Curve,
    Line,
    Panel,
    best,
    draw_panels,
    finite,
    logged_curves,
)
from transformer_lm.tools.web_page import flatten, now, page, picture, table

SETTINGS_FILE = "settings.json"
_BLUE, _ORANGE = "#2f6db5", "#d9602b"


@dataclass(frozen=True)
class ReportPaths:
    """Where a report was written."""

    curves: str
    page: str


@dataclass(frozen=True)
class Drawn:
    """What a panel shows: the metrics in training and on held-out text, if any."""

    title: str
    training: str | None = None
    held_out: str | None = None
    level: str | None = None
    """A constant to compare with."""
    is_log: bool = False


def _losses(title: str, name: str) -> Drawn:
    return Drawn(title, training=f"train_{name}", held_out=f"eval_{name}")


DRAWN = (
    _losses("loss (nats per token)", "loss"),
    _losses("discriminator loss (nats per token)", "discriminator_loss"),
    _losses("generator loss (nats per hidden token)", "generator_loss"),
    _losses("pair loss (nats)", "pair_loss"),
    Drawn("bits per character", held_out=BITS, level=ENTROPY),
    Drawn("perplexity per token", held_out="eval_perplexity", is_log=True),
    _losses("accuracy", "accuracy"),
    Drawn("learning rate", training="learning_rate"),
    Drawn("tokens per second", training="tokens_per_second"),
    Drawn("model FLOPs utilisation (%)", training="mfu"),
)

_TILES = {
    "train_loss": "training loss",
    "eval_loss": "held-out loss",
    "eval_perplexity": "held-out perplexity",
    BITS: "held-out bits per character",
    ENTROPY: "entropy of the source",
    "eval_accuracy": "held-out accuracy",
    "tokens_per_second": "tokens per second",
    "mfu": "MFU (%)",
}


def draw_curves(curves: Mapping[str, Curve]) -> bytes:
    """Draws the panels that have data, the loss above all others; returns a PNG.

    What is not finite is left out of a curve; the page's table tells of it.
    """
    panels = []
    for drawn in DRAWN:
        lines = [
            Line(label, colour, points, is_level=label == "entropy of the source")
            for metric, label, colour in (
                (drawn.training, "training", _BLUE),
                (drawn.held_out, "held-out", _ORANGE),
                (drawn.level, "entropy of the source", GREY),
            )
            if metric is not None and (points := finite(curves.get(metric, [])))
        ]
        if lines:
            panels.append(Panel(drawn.title, tuple(lines), drawn.is_log))
    return draw_panels(panels, max(curve[-1][0] for curve in curves.values()))


def _figure_rows(curves: Mapping[str, Curve]) -> Iterable[tuple[str, ...]]:
    """Lists each metric's last value and, where one is better, its best."""
    for name, curve in curves.items():
        step, last = curve[-1]
        found = best(name, curve)
        tail = ("", "") if found is None else (format_number(found[1]), f"{found[0]:,}")
        yield name, format_number(last), f"{step:,}", *tail


def _samples(records: Sequence[Mapping[str, Any]]) -> str:
    """Lists the sample texts, newest first and open."""
    parts = []
    for index, record in enumerate(reversed(records)):
        texts = [
            f"<p>{html.escape(name)}</p>\n"
            f'<pre lang="ja">{html.escape(str(text))}</pre>\n'
            for name, text in record.items()
            if name not in ("step", "time")
        ]
        is_open = " open" if index == 0 else ""
        parts.append(
            f"<details{is_open}><summary>step {record['step']:,}</summary>\n"
            f"{''.join(texts)}</details>\n"
        )
    return "".join(parts) or "<p>No samples were written.</p>\n"


def _json_table(path: epath.Path) -> str:
    """Builds the table of a JSON object's keys; says so where there is none."""
    if not path.exists():
        return f"<p>No {html.escape(path.name)} in the work folder.</p>\n"
    rows = flatten(read_object(path, "remove it")).items()
    return table(("key", "value"), rows, numbers=False)


def build_page(folder: epath.Path, curves: Mapping[str, Curve], png: bytes) -> str:
    """Builds the page, picture and all."""
    tiles = "".join(
        f"<div>{label}<b>{format_number(curves[name][-1][1])}</b></div>\n"
        for name, label in _TILES.items()
        if name in curves
    )
    last_step = max(curve[-1][0] for curve in curves.values())
    name = html.escape(folder.name)
    head = ("figure", "last", "at step", "best", "best at step")
    body = f"""<h1 lang="ja">{name}</h1>
<p>{html.escape(str(folder))}: step {last_step:,}, written {now()}</p>
<div class="figures">
{tiles}</div>
<h2>Curves</h2>
{picture(png, "The figures below over the steps")}<h2>Figures</h2>
{table(head, _figure_rows(curves), numbers=True)}
<h2>Samples</h2>
{_samples(read_records(folder / SAMPLES_FILE))}
<h2>Data</h2>
{_json_table(folder / DATA_FILE)}
<h2>Settings</h2>
{_json_table(folder / SETTINGS_FILE)}
<h2>Environment</h2>
{_json_table(folder / ENVIRONMENT_FILE)}
"""
    return page(f"{folder.name}: training report", body)


def write_report(workdir: str) -> ReportPaths:
    """Writes `curves.png` and `report.html` into a work folder, local or gs://.

    Reads what the run wrote there and asks no device, so it may be called beside a run.

    Raises:
        UserError: if the folder holds no metrics.
    """
    folder = epath.Path(workdir)
    curves = logged_curves(workdir)
    png = draw_curves(curves)
    (folder / "curves.png").write_bytes(png)
    (folder / "report.html").write_text(build_page(folder, curves, png))
    return ReportPaths(str(folder / "curves.png"), str(folder / "report.html"))


def parser() -> ToolParser:
    """The flags of the command."""
    made = ToolParser(
        module="transformer_lm.tools.report",
        description="Writes curves.png and report.html into a work folder.",
    )
    made.add_argument("--workdir", required=True, help="work folder, local or gs://")
    return made


def main(arguments: argparse.Namespace) -> None:
    """Writes the report and names its files."""
    paths = write_report(arguments.workdir)
    print(f"{paths.page}\n{paths.curves}")


if __name__ == "__main__":
    start_tool(main, parser())
