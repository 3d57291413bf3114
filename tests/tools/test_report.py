import base64
import html.parser
import json
import math
import pathlib
import re
import subprocess
import sys

import pytest

from transformer_lm.registry import UserError
from transformer_lm.tools import report
from transformer_lm.tools.command import start_tool
from transformer_lm.tools.curves import Curve

VOID = {"meta", "img"}


class Page(html.parser.HTMLParser):
    """Checks that tags nest, and gathers words and attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.words: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data.strip())


def write_run(folder: pathlib.Path) -> None:
    folder.mkdir(exist_ok=True)
    records = []
    for step in range(10, 101, 10):
        loss = 3 + 5 * math.exp(-step / 30)
        records.append({"step": step, "time": 1.0, "train_loss": loss, "mfu": 31.0})
        if step % 50 == 0:
            value = {"eval_loss": loss + 0.1, "eval_perplexity": math.exp(loss)}
            bits = {
                "eval_bits_per_character": loss / 2,
                "eval_entropy_bits_per_character": 1.98,
            }
            records.append({"step": step, "time": 1.0, **value, **bits})
    records.append({"step": 110, "time": 2.0, "train_loss": "nan", "odd <b>": "inf"})
    samples = [
        {"step": 50, "time": 1.0, "吾輩は": "吾輩は猫"},
        {"step": 100, "time": 2.0, "吾輩は": "<script>alert('猫')</script> & 終"},
    ]
    for name, lines in (("metrics", records), ("samples", samples)):
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        (folder / f"{name}.jsonl").write_text(text, encoding="utf-8")
    settings = {
        "model": {"name": "gpt2", "norm": {"kind": "pre"}},
        "prompts": "<i>今日は",
        "betas": [0.9, 1],
    }
    (folder / "settings.json").write_text(json.dumps(settings))
    (folder / "environment.json").write_text('{"jax": "0.10.2", "devices": "1 × cpu"}')
    (folder / "data.json").write_text('{"documents": 1234, "line 7": ["壊れた行"]}')


def test_the_page_holds_picture_figures_samples_settings_and_environment(
    tmp_path: pathlib.Path,
) -> None:
    folder = tmp_path / "実験 <1>"
    write_run(folder)
    paths = report.write_report(str(folder))
    png = pathlib.Path(paths.curves).read_bytes()
    assert png.startswith(b"\x89PNG")
    text = pathlib.Path(paths.page).read_text(encoding="utf-8")
    page = Page(text)
    assert "script" not in page.tags
    assert "i" not in page.tags
    embedded = dict(page.attributes)["src"] or ""
    assert base64.b64decode(embedded.removeprefix("data:image/png;base64,")) == png
    assert ("charset", "utf-8") in page.attributes
    assert not re.search(r"https?://|url\(", text)
    words = page.words
    assert "実験 <1>" in words
    assert "<script>alert('猫')</script> & 終" in words
    assert words.index("step 100") < words.index("step 50")
    assert words[words.index("model.name") + 1] == "gpt2"
    assert words[words.index("model.norm.kind") + 1] == "pre"
    assert words[words.index("betas") + 1] == "[0.9, 1]"
    assert "<i>今日は" in words
    assert words[words.index("devices") + 1] == "1 × cpu"
    assert words[words.index("documents") + 1] == "1234"
    row = [word for word in words[words.index("train_loss") :] if word][:5]
    assert row == ["train_loss", "nan", "110", "3.178", "100"]
    row = [word for word in words[words.index("odd <b>") :] if word][:3]
    assert row == ["odd <b>", "inf", "110"]


def drawn_axes(monkeypatch: pytest.MonkeyPatch, curves: dict[str, Curve]) -> dict:
    from matplotlib.figure import Figure

    figures = []

    class Kept(Figure):
        def savefig(self, *args: object, **settings: object) -> None:
            figures.append(self)
            super().savefig(*args, **settings)

    monkeypatch.setattr("matplotlib.figure.Figure", Kept)
    assert report.draw_curves(curves).startswith(b"\x89PNG")
    return {axes.get_title(loc="left"): axes for axes in figures[0].axes}


def test_curves_show_what_was_written_and_leave_out_what_is_not_finite(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    axes = drawn_axes(
        monkeypatch,
        {
            "train_loss": [(1, 5.0), (2, math.nan), (3, 4.0)],
            "eval_bits_per_character": [(3, 2.5)],
            "eval_entropy_bits_per_character": [(3, 1.98)],
            "eval_perplexity": [(3, math.inf)],
            "吾輩": [(1, 1.0)],
        },
    )
    assert list(axes) == ["loss (nats per token)", "bits per character"]
    (loss,) = axes["loss (nats per token)"].lines
    assert loss.get_xydata().tolist() == [[1, 5], [3, 4]]
    held_out, entropy = axes["bits per character"].lines
    assert held_out.get_xydata().tolist() == [[3, 2.5]]
    assert entropy.get_linestyle() == "--"
    assert set(entropy.get_ydata()) == {1.98}


def test_a_run_without_a_finite_figure_still_has_a_report(
    tmp_path: pathlib.Path,
) -> None:
    (tmp_path / "metrics.jsonl").write_text('{"step": 1, "train_loss": "nan"}\n')
    page = Page(pathlib.Path(report.write_report(str(tmp_path)).page).read_text())
    assert "No samples were written." in page.words
    assert "No settings.json in the work folder." in page.words
    assert "No data.json in the work folder." in page.words


def test_a_folder_without_metrics_is_one_line_and_exit_code_2(
    tmp_path: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(UserError, match=r"metrics\.jsonl is missing or empty"):
        report.write_report(str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["report", f"--workdir={tmp_path}"])
    with pytest.raises(SystemExit) as ended:
        start_tool(report.main, report.parser())
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert error.startswith(f"report: {tmp_path}/metrics.jsonl is missing")


def test_the_command_names_what_it_wrote(tmp_path: pathlib.Path) -> None:
    write_run(tmp_path)
    result = subprocess.run(
        [sys.executable, "-m", "transformer_lm.tools.report", f"--workdir={tmp_path}"],
        capture_output=True,
        check=False,
        text=True,
        cwd=pathlib.Path(report.__file__).parents[2],
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == [
        f"{tmp_path}/report.html",
        f"{tmp_path}/curves.png",
    ]


def test_a_value_that_is_no_number_is_passed_over_with_a_warning(tmp_path, caplog):
    from transformer_lm.tools.curves import read_curves

    lines = '{"step": 1, "loss": "naninf"}\n{"step": 2, "loss": "nan", "mfu": [1]}\n'
    (tmp_path / "metrics.jsonl").write_text(lines)
    assert [step for step, _ in read_curves(str(tmp_path))["loss"]] == [2]
    assert "loss of step 1 is no number" in caplog.text
