"""The figures of a work folder over its steps, and a picture of them."""

import io
import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from etils import epath

from transformer_lm.line_files import read_records
from transformer_lm.metrics import METRICS_FILE, format_number
from transformer_lm.registry import UserError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LOGGER = logging.getLogger("transformer_lm")

Curve = list[tuple[int, float]]
"""(step, value), in the order of writing."""

BITS = "eval_bits_per_character"
ENTROPY = "eval_entropy_bits_per_character"
GREY = "#5f6368"


@dataclass(frozen=True)
class Line:
    """One curve of a panel, with its name in the legend."""

    label: str
    colour: str
    curve: Sequence[tuple[int, float]]
    is_level: bool = False
    """Whether it is a constant to compare with: a dashed line over the whole width."""


@dataclass(frozen=True)
class Panel:
    """Curves that share their axes."""

    title: str
    lines: tuple[Line, ...]
    is_log: bool = False


def read_curves(workdir: str) -> dict[str, Curve]:
    """Reads each metric of a work folder; "nan" and "inf" are numbers again."""
    curves: dict[str, Curve] = {}
    for record in read_records(epath.Path(workdir) / METRICS_FILE):
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


def logged_curves(workdir: str) -> dict[str, Curve]:
    """Reads what there must be.

    Raises:
        UserError: if the work folder holds no figures.
    """
    if curves := read_curves(workdir):
        return curves
    raise UserError(
        f"{epath.Path(workdir) / METRICS_FILE} is missing or empty: give the work folder"
        " of a run that has logged at least once"
    )


def finite(curve: Curve) -> Curve:
    """What can be drawn of a curve."""
    return [point for point in curve if math.isfinite(point[1])]


def best(name: str, curve: Curve) -> tuple[int, float] | None:
    """The best (step, value) of a metric; None where none is better than another."""
    points = finite(curve)
    is_cost = name.endswith(("loss", "perplexity", "_per_character"))
    if not points or name == ENTROPY or not (is_cost or name.endswith("accuracy")):
        return None
    return (min if is_cost else max)(points, key=lambda point: point[1])


def draw_panels(panels: Sequence[Panel], last_step: int) -> bytes:
    """Draws panels in two columns, the first above all others; returns a PNG."""
    from matplotlib.figure import Figure

    rows = 1 + math.ceil((len(panels) - 1) / 2)
    figure = Figure(figsize=(11, 1.6 + 2.7 * rows), dpi=110)
    figure.set_layout_engine("constrained", w_pad=0.1, h_pad=0.1)
    grid = figure.add_gridspec(rows, 2, height_ratios=[1.4] + [1] * (rows - 1))
    for index, panel in enumerate(panels):
        is_wide = index == 0 or (index == len(panels) - 1 and index % 2 == 1)
        cell = grid[(index + 1) // 2, slice(None) if is_wide else (index + 1) % 2]
        axes = figure.add_subplot(cell)
        _draw_panel(axes, panel)
        axes.set_xlim(0, 1.02 * max(last_step, 1))
    png = io.BytesIO()
    figure.savefig(png, format="png")
    return png.getvalue()


def _draw_panel(axes: "Axes", panel: Panel) -> None:
    """Draws one panel; its legend names the last values."""
    from matplotlib.ticker import FuncFormatter, LogFormatter, MaxNLocator

    for line in panel.lines:
        steps, values = zip(*line.curve, strict=True)
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
    axes.tick_params(which="both", labelsize=8, colors=GREY)
    axes.set_title(panel.title, loc="left", fontsize=10, fontweight="bold")
    axes.set_xlabel("step", fontsize=8, color=GREY)
    axes.grid(color="#e4e6ea", linewidth=0.7)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(fontsize=8, frameon=False)
