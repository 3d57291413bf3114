import json
import pathlib
import subprocess
import sys

import pytest

from tests.tools.test_report import Page
from transformer_lm.registry import UserError
from transformer_lm.tools import compare


def write_run(folder: pathlib.Path, losses: list[float], **settings: object) -> str:
    folder.mkdir()
    lines = [
        {"step": 10 * number, "time": 1.0, "train_loss": loss, "tokens_per_second": 5e3}
        for number, loss in enumerate(losses, start=1)
    ]
    lines.append({"step": 10 * len(losses), "time": 2.0, "eval_accuracy": losses[0]})
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "metrics.jsonl").write_text(text)
    (folder / "settings.json").write_text(json.dumps(settings))
    return str(folder)


def test_the_command_prints_a_run_a_line_and_writes_a_page(
    tmp_path: pathlib.Path,
) -> None:
    small = write_run(tmp_path / "小さい", [4.0, 2.0, 3.0], emb_dim=8, seed=0)
    large = write_run(tmp_path / "<large>", [3.5, 1.5], emb_dim=16, seed=0)
    output = tmp_path / "side_by_side.html"
    result = subprocess.run(
        [
            *(sys.executable, "-m", "transformer_lm.tools.compare", small, large),
            f"--output={output}",
        ],
        capture_output=True,
        check=False,
        encoding="utf-8",
        cwd=pathlib.Path(compare.__file__).parents[2],
    )
    assert result.returncode == 0, result.stderr
    rows = [line.split() for line in result.stdout.splitlines()]
    assert rows[0] == ["run", "step", "loss", "accuracy", "tokens/s", "work", "folder"]
    assert rows[1] == ["1", "30", "2", "4", "5,000", small]
    assert rows[2] == ["2", "20", "1.5", "3.5", "5,000", large]
    page = Page(output.read_text(encoding="utf-8"))
    assert "large" not in page.tags
    assert large in page.words
    assert page.words[page.words.index("emb_dim") + 1 :][:3] == ["8", "16", ""]
    assert "seed" not in page.words


def test_runs_of_electra_have_columns_of_their_own(tmp_path: pathlib.Path) -> None:
    folder = write_run(tmp_path / "electra", [4.0])
    losses = {"eval_generator_loss": 3.5, "eval_discriminator_loss": 0.25}
    with (tmp_path / "electra" / "metrics.jsonl").open("a") as file:
        file.write(json.dumps({"step": 10, "time": 3.0, **losses}) + "\n")
    head, (row,) = compare.figure_rows([compare.read_run(folder)])
    cells = dict(zip(head, row, strict=True))
    assert (cells["generator"], cells["discriminator"]) == ("3.5", "0.25")


def test_each_run_keeps_its_colour_and_number(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = {}

    def keep(panels: list[compare.Panel], last_step: int) -> bytes:
        drawn.update({panel.title: panel for panel in panels}, last=last_step)
        return b""

    monkeypatch.setattr(compare, "draw_panels", keep)
    runs = [compare.read_run(write_run(tmp_path / "a", [5.0]))]
    runs += [compare.read_run(write_run(tmp_path / "b", [4.0, float("nan")]))]
    (tmp_path / "b" / "metrics.jsonl").write_text('{"step": 3, "mfu": 40.0}\n')
    runs += [compare.read_run(str(tmp_path / "b"))]
    compare.draw_runs(runs)
    assert drawn["last"] == 20
    first, second = drawn["training loss (nats per token)"].lines
    assert (first.label, first.curve) == ("run 1", [(10, 5.0)])
    assert (second.label, second.curve) == ("run 2", [(10, 4.0)])
    (third,) = drawn["model FLOPs utilisation (%)"].lines
    assert third.label == "run 3"
    assert len({first.colour, second.colour, third.colour}) == 3


@pytest.mark.parametrize("count", [1, compare.MOST_RUNS + 1])
def test_one_run_or_too_many_are_refused(count: int) -> None:
    arguments = compare.parser().parse_args(["runs/a"] * count)
    with pytest.raises(UserError, match=f"{count} work folder.s. given: give 2 to 10"):
        compare.main(arguments)
