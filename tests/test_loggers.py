import pathlib
import subprocess
import sys

import pytest

from transformer_lm import loggers
from transformer_lm.config import defaults, resolve
from transformer_lm.settings import Evaluation

OFFLINE = """
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


def test_weights_and_biases_gets_figures_and_samples_offline(
    tmp_path: pathlib.Path,
) -> None:
    pytest.importorskip("wandb")
    for _ in range(2):  # The second time is a run that goes on.
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", OFFLINE, str(tmp_path / "実験")],
            capture_output=True,
            check=False,
            encoding="utf-8",
            env={
                "PATH": "",
                "HOME": str(tmp_path),
                "WANDB_MODE": "offline",
                "WANDB_SILENT": "true",
                "JAX_PLATFORMS": "cpu",
            },
            cwd=pathlib.Path(loggers.__file__).parents[1],
        )
        assert done.returncode == 0, done.stderr
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
