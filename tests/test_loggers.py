import pathlib
import subprocess
import sys

import pytest

from transformer_lm import loggers
from transformer_lm.config import defaults, resolve
from transformer_lm.settings import Evaluation

WRITER = """
import sys
from transformer_lm.metrics import MetricWriter
writer = MetricWriter(
    sys.argv[1], tensorboard=False, wandb_project="試し", settings={"seed": 5}
)
writer.scalars(7, {"train_loss": 2.5})
writer.scalars(7, {"eval_loss": 3.25})
writer.texts(7, {"sample_0": "吾輩は猫である"})
writer.close()
"""


def run_writer(tmp_path: pathlib.Path, **environment: str) -> tuple[int, str]:
    """Runs the program in an environment that knows no account; (exit code, errors)."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", WRITER, str(tmp_path / "実験")],
        capture_output=True,
        check=False,
        encoding="utf-8",
        env={
            "PATH": "",
            "HOME": str(tmp_path),
            "WANDB_SILENT": "true",
            "JAX_PLATFORMS": "cpu",
            **environment,
        },
        cwd=pathlib.Path(loggers.__file__).parents[1],
    )
    return done.returncode, done.stderr


def test_tensorboard_begins_without_notes_about_gpus(tmp_path: pathlib.Path) -> None:
    """In a process that reads no text with TensorFlow, and so has it from here."""
    code = (
        "import sys; from etils import epath;"
        "from transformer_lm.loggers import TensorBoardLogger;"
        "TensorBoardLogger.open(epath.Path(sys.argv[1])).close()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert list(tmp_path.iterdir())


def test_weights_and_biases_gets_figures_and_samples_offline(
    tmp_path: pathlib.Path,
) -> None:
    pytest.importorskip("wandb")
    for _ in range(2):  # The second time is a run that goes on.
        code, errors = run_writer(tmp_path, WANDB_MODE="offline")
        assert code == 0, errors
    name = (tmp_path / "実験" / loggers.WANDB_FILE).read_text()
    files = sorted((tmp_path / "実験" / "wandb").glob(f"offline-run-*-{name}"))
    assert files
    (written,) = files[0].glob("*.wandb")
    content = written.read_bytes()
    for words in ("train_loss", "2.5", "eval_loss", "3.25", "実験", "試し"):
        assert words.encode() in content, words
    (table,) = files[0].glob("files/media/table/*.json")
    assert "吾輩は猫である" in table.read_bytes().decode("unicode_escape") or (
        "吾輩は猫である" in table.read_text()
    )


def test_without_a_login_a_message_says_what_to_do(tmp_path: pathlib.Path) -> None:
    pytest.importorskip("wandb")
    code, errors = run_writer(tmp_path)
    assert code == 1
    last = errors.strip().splitlines()[-1]
    assert last.startswith("transformer_lm.registry.UserError: wandb_project='試し'")
    assert "WANDB_MODE=offline" in last


def test_without_the_package_a_run_is_refused_before_any_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = defaults(
        model="gpt2",
        objective="causal_lm",
        tokenizer="sentencepiece",
        optimizer="adamw",
        schedule="constant",
    )
    with config.unlocked():
        config.update(wandb_project="mine", batch_size=8, dataset_name="quickstart")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    settings = resolve(config)
    (problem,) = settings.problems_on(1, 1)
    assert "pip install wandb" in problem
    assert "'mine'" in problem
    assert Evaluation().problems_here() == []
