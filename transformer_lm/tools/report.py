"""Turns a work folder into curves and one page that shows the run.

    python -m transformer_lm.tools.report --workdir=runs/quickstart

writes `curves.png` and `report.html` into the work folder. The page is one file: it can
be sent by mail and read offline. Training calls `write_report` after each evaluation.
"""

import argparse
import base64
import datetime
import html
import io
import json
import logging
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from etils import epath

from transformer_lm.json_files import read_object
from transformer_lm.metrics import (
    ENVIRONMENT_FILE,
    METRICS_FILE,
    SAMPLES_FILE,
    format_number,
    read_records,
)
from transformer_lm.registry import UserError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SETTINGS_FILE = "settings.json"
LOGGER = logging.getLogger("transformer_lm")

Curve = list[tuple[int, float]]
"""(step, value), in the order of writing."""


@dataclass(frozen=True)
class ReportPaths:
    """Where a report was written."""

    curves: str
    page: str


@dataclass(frozen=True)
class Line:
    """One curve of a panel."""

    metric: str
    label: str
    colour: str
    is_level: bool = False
    """Whether it is a constant to compare with: a dashed line over the whole width."""


@dataclass(frozen=True)
class Panel:
    """Curves that share their axes."""

    title: str
    lines: tuple[Line, ...]
    is_log: bool = False


_BLUE, _ORANGE, _GREY = "#2f6db5", "#d9602b", "#5f6368"
_BITS, _ENTROPY = "eval_bits_per_character", "eval_entropy_bits_per_character"


def _losses(title: str, name: str) -> Panel:
    """A panel of a loss in training and on held-out text."""
    lines = (
        Line(f"train_{name}", "training", _BLUE),
        Line(f"eval_{name}", "held-out", _ORANGE),
    )
    return Panel(title, lines)


PANELS = (
    _losses("loss (nats per token)", "loss"),
    _losses("discriminator loss (nats per token)", "discriminator_loss"),
    _losses("generator loss (nats per hidden token)", "generator_loss"),
    _losses("pair loss (nats)", "pair_loss"),
    Panel(
        "bits per character",
        (
            Line(_BITS, "held-out", _ORANGE),
            Line(_ENTROPY, "entropy of the source", _GREY, is_level=True),
        ),
    ),
    Panel(
        "perplexity per token",
        (Line("eval_perplexity", "held-out", _ORANGE),),
        is_log=True,
    ),
    Panel(
        "accuracy",
        (
            Line("train_accuracy", "training", _BLUE),
            Line("eval_accuracy", "held-out", _ORANGE),
        ),
    ),
    Panel("learning rate", (Line("learning_rate", "learning rate", _BLUE),)),
    Panel("tokens per second", (Line("tokens_per_second", "tokens/s", _BLUE),)),
    Panel("model FLOPs utilisation (%)", (Line("mfu", "MFU", _BLUE),)),
)


def read_curves(records: Iterable[Mapping[str, Any]]) -> dict[str, Curve]:
    """Gathers each metric over the steps; "nan" and "inf" are numbers again."""
    curves: dict[str, Curve] = {}
    for record in records:
        for name, value in record.items():
            if name in ("step", "time"):
                continue
            number = _number(value)
            if number is None:
                LOGGER.warning(
                    "%.80s of step %d is no number; passed over", name, record["step"]
                )
            else:
                curves.setdefault(name, []).append((record["step"], number))
    return curves


def _number(value: Any) -> float | None:  # Any: JSON.
    """A figure of a line of metrics, if it is one."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def draw_curves(curves: Mapping[str, Curve]) -> bytes:
    """Draws the panels that have data, the loss above all others; returns a PNG.

    What is not finite is left out of a curve; the page's table tells of it.
    """
    from matplotlib.figure import Figure

    finite = {
        name: points
        for name, curve in curves.items()
        if (points := [point for point in curve if math.isfinite(point[1])])
    }
    panels = [p for p in PANELS if any(line.metric in finite for line in p.lines)]
    last_step = max(curve[-1][0] for curve in curves.values())
    rows = 1 + math.ceil((len(panels) - 1) / 2)
    figure = Figure(figsize=(11, 1.6 + 2.7 * rows), dpi=110)
    figure.set_layout_engine("constrained", w_pad=0.1, h_pad=0.1)
    grid = figure.add_gridspec(rows, 2, height_ratios=[1.4] + [1] * (rows - 1))
    for index, panel in enumerate(panels):
        is_wide = index == 0 or (index == len(panels) - 1 and index % 2 == 1)
        cell = grid[(index + 1) // 2, slice(None) if is_wide else (index + 1) % 2]
        axes = figure.add_subplot(cell)
        _draw_panel(axes, panel, finite)
        axes.set_xlim(0, 1.02 * max(last_step, 1))
    png = io.BytesIO()
    figure.savefig(png, format="png")
    return png.getvalue()


def _draw_panel(axes: "Axes", panel: Panel, curves: Mapping[str, Curve]) -> None:
    """Draws one panel; its legend names the last values."""
    from matplotlib.ticker import FuncFormatter, LogFormatter, MaxNLocator

    for line in panel.lines:
        if line.metric not in curves:
            continue
        steps, values = zip(*curves[line.metric], strict=True)
        label = f"{line.label}: {format_number(values[-1])}"
        if line.is_level:
            axes.axhline(values[-1], color=line.colour, linestyle="--", label=label)
        else:
            marker = "o" if len(steps) <= 30 else None
            axes.plot(
                steps, values, color=line.colour, label=label, marker=marker, ms=3.5
            )
    if panel.is_log:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(LogFormatter())
        axes.yaxis.set_minor_formatter(LogFormatter())
    else:
        axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: format_number(y)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}"))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.tick_params(which="both", labelsize=8, colors=_GREY)
    axes.set_title(panel.title, loc="left", fontsize=10, fontweight="bold")
    axes.set_xlabel("step", fontsize=8, color=_GREY)
    axes.grid(color="#e4e6ea", linewidth=0.7)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(fontsize=8, frameon=False)


_STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.6 system-ui, "Hiragino Sans", "Noto Sans JP", "Noto Sans CJK JP",
       "Yu Gothic", Meiryo, sans-serif; color: #202124; background: #f6f7f9;
       max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 2.2rem 0 .6rem; }
p { margin: .2rem 0; color: #5f6368; }
.figures { display: flex; flex-wrap: wrap; gap: .7rem; margin-top: 1.2rem; }
.figures div { background: #fff; border: 1px solid #e0e3e7; border-radius: .5rem;
               padding: .5rem .9rem; min-width: 8rem; }
.figures b { display: block; font-size: 1.3rem; font-variant-numeric: tabular-nums; }
img { width: 100%; height: auto; border: 1px solid #e0e3e7; border-radius: .5rem; }
table { border-collapse: collapse; width: 100%; background: #fff; }
th, td { text-align: left; padding: .25rem .7rem; border: 1px solid #e0e3e7;
         overflow-wrap: anywhere; vertical-align: top; }
thead th { background: #eef0f3; }
tbody th { font-weight: normal; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
details { background: #fff; border: 1px solid #e0e3e7; border-radius: .5rem;
          padding: .4rem .9rem; margin: .4rem 0; }
summary { cursor: pointer; }
pre { font: inherit; white-space: pre-wrap; overflow-wrap: anywhere;
      margin: .2rem 0 1rem; }
"""

_TILES = {
    "train_loss": "training loss",
    "eval_loss": "held-out loss",
    "eval_perplexity": "held-out perplexity",
    _BITS: "held-out bits per character",
    _ENTROPY: "entropy of the source",
    "eval_accuracy": "held-out accuracy",
    "tokens_per_second": "tokens per second",
    "mfu": "MFU (%)",
}


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], numbers: bool) -> str:
    """Builds a table; its first column names the row, `numbers` sets others right."""
    kind = ' class="number"' if numbers else ""
    first, *others = (html.escape(text) for text in head)
    lines = [f'<th scope="col">{first}</th>']
    lines += [f'<th scope="col"{kind}>{text}</th>' for text in others]
    body = []
    for row in rows:
        name, *cells = (html.escape(text) for text in row)
        cells = [f"<td{kind}>{text}</td>" for text in cells]
        body.append(f'<tr><th scope="row">{name}</th>{"".join(cells)}</tr>\n')
    return (
        f"<table>\n<thead><tr>{''.join(lines)}</tr></thead>\n"
        f"<tbody>\n{''.join(body)}</tbody>\n</table>\n"
    )


def _figure_rows(curves: Mapping[str, Curve]) -> Iterable[tuple[str, ...]]:
    """Lists each metric's last value and, where one is better, its best."""
    for name, curve in curves.items():
        step, last = curve[-1]
        best = ("", "")
        finite = [point for point in curve if math.isfinite(point[1])]
        is_cost = name.endswith(("loss", "perplexity", "_per_character"))
        if finite and (is_cost or name.endswith("accuracy")) and name != _ENTROPY:
            choose = min if is_cost else max
            best_step, value = choose(finite, key=lambda point: point[1])
            best = (format_number(value), f"{best_step:,}")
        yield name, format_number(last), f"{step:,}", *best


def _flatten(settings: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Writes nested settings as `part.key`."""
    flat: dict[str, str] = {}
    for name, value in settings.items():
        if isinstance(value, dict):
            flat |= _flatten(value, f"{prefix}{name}.")
        else:
            text = value if isinstance(value, str) else json.dumps(value)
            flat[f"{prefix}{name}"] = text
    return flat


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


def _settings_table(path: epath.Path) -> str:
    """Builds the table of a JSON object's keys; says so where there is none."""
    if not path.exists():
        return f"<p>No {html.escape(path.name)} in the work folder.</p>\n"
    rows = _flatten(read_object(path, "remove it")).items()
    return _table(("key", "value"), rows, numbers=False)


def build_page(folder: epath.Path, curves: Mapping[str, Curve], png: bytes) -> str:
    """Builds the page, picture and all."""
    tiles = "".join(
        f"<div>{label}<b>{format_number(curves[name][-1][1])}</b></div>\n"
        for name, label in _TILES.items()
        if name in curves
    )
    last_step = max(curve[-1][0] for curve in curves.values())
    written = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    name = html.escape(folder.name)
    head = ("figure", "last", "at step", "best", "best at step")
    image = base64.b64encode(png).decode()
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{name}: training report</title>
<style>{_STYLE}</style>
</head>
<body>
<h1 lang="ja">{name}</h1>
<p>{html.escape(str(folder))}: step {last_step:,}, written {written}</p>
<div class="figures">
{tiles}</div>
<h2>Curves</h2>
<img alt="The figures below over the steps" src="data:image/png;base64,{image}">
<h2>Figures</h2>
{_table(head, _figure_rows(curves), numbers=True)}
<h2>Samples</h2>
{_samples(read_records(folder / SAMPLES_FILE))}
<h2>Settings</h2>
{_settings_table(folder / SETTINGS_FILE)}
<h2>Environment</h2>
{_settings_table(folder / ENVIRONMENT_FILE)}
</body>
</html>
"""


def write_report(workdir: str) -> ReportPaths:
    """Writes `curves.png` and `report.html` into a work folder, local or gs://.

    Reads what the run wrote there and asks no device, so it may be called beside a run.

    Raises:
        UserError: if the folder holds no metrics.
    """
    folder = epath.Path(workdir)
    curves = read_curves(read_records(folder / METRICS_FILE))
    if not curves:
        raise UserError(
            f"{folder / METRICS_FILE} is missing or empty: --workdir must name the work"
            " folder of a run that has logged at least once"
        )
    png = draw_curves(curves)
    (folder / "curves.png").write_bytes(png)
    (folder / "report.html").write_text(build_page(folder, curves, png))
    return ReportPaths(str(folder / "curves.png"), str(folder / "report.html"))


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m transformer_lm.tools.report",
        description="Writes curves.png and report.html into a work folder.",
    )
    parser.add_argument("--workdir", required=True, help="work folder, local or gs://")
    try:
        paths = write_report(parser.parse_args(arguments).workdir)
    except UserError as error:
        print(f"report: {error}", file=sys.stderr)
        return 2
    print(f"{paths.page}\n{paths.curves}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
