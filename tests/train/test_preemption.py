"""A run that is asked to end does so soon, and loses nothing."""

import json
import os
import signal

import jax
import numpy as np
import orbax.checkpoint as ocp
import pytest
from etils import epath

from tests.faults.runs import TIMED
from transformer_lm.checksums import damage
from transformer_lm.data.source import Source
from transformer_lm.data.tokenizer_training import train_or_load_tokenizer
from transformer_lm.registry import UserError
from transformer_lm.train import hold_out
from transformer_lm.train.lock import RunLock
from transformer_lm.train.loop import run
from transformer_lm.train.preemption import Preempted, PreemptionWatch
from transformer_lm.train.saver import Saver

STEPS = 4
BATCHES = 3
"""In an evaluation."""
KEYS = {
    "num_layers": 1,
    "num_train_steps": STEPS,
    "warmup_steps": 2,
    "log_every_steps": 2,
    "eval_every_steps": 2,
    "checkpoint_every_steps": 100,
    "num_eval_steps": BATCHES,
    "max_predict_length": 8,
    "tensorboard": False,
}


@pytest.fixture(scope="module")
def settings(tiny_settings, tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("vocabulary"))
    config = tiny_settings().tokenizer
    train_or_load_tokenizer(config, Source(), folder)
    return tiny_settings(vocab_path=config.path(folder), **KEYS)


@pytest.fixture(scope="module")
def whole(settings, tmp_path_factory):
    """A run that nobody disturbs."""
    folder = tmp_path_factory.mktemp("whole")
    return folder, run(settings, str(folder))


@pytest.fixture(autouse=True)
def own_signals():
    """A run that ends early leaves its handlers to the process, which ends too."""
    before = {n: signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def signalled(monkeypatch):
    """Sends SIGTERM while batches of an evaluation are taken; returns how many were.

    Each evaluation is sent one at its second batch, the last ones at none.
    """
    taken, real = [], hold_out.eval_batches

    def eval_batches(*args, **kwargs):
        taken.append(0)
        for number, batch in enumerate(real(*args, **kwargs), start=1):
            taken[-1] = number
            if number == 2 and len(taken) in (1, 2, 4):
                os.kill(os.getpid(), signal.SIGTERM)
            yield batch

    monkeypatch.setattr(hold_out, "eval_batches", eval_batches)
    return taken


def records(folder, name):
    lines = (folder / name).read_text().splitlines()
    return [
        {key: value for key, value in json.loads(line).items() if key not in TIMED}
        for line in lines
    ]


def test_an_evaluation_is_left_for_a_signal_and_made_anew(
    settings, whole, signalled, tmp_path
):
    for step, evaluated in ((2, 0), (2, 0), (4, 1)):
        with pytest.raises(Preempted, match=f"SIGTERM received: saved step {step} of"):
            run(settings, str(tmp_path))
        assert damage(epath.Path(tmp_path / "checkpoints" / str(step))) == []
        figures = records(tmp_path, "metrics.jsonl")
        assert sum("eval_loss" in line for line in figures) == evaluated
    outcome = run(settings, str(tmp_path))
    assert signalled == [2, 2, BATCHES, 2, BATCHES]

    folder, expected = whole
    assert outcome == expected
    for name in ("metrics.jsonl", "samples.jsonl"):
        assert records(tmp_path, name) == records(folder, name)
    with ocp.StandardCheckpointer() as checkpointer:
        one, other = (
            checkpointer.restore(path / "checkpoints" / str(STEPS) / "training")
            for path in (folder, tmp_path)
        )
    jax.tree.map(np.testing.assert_array_equal, one, other)


def test_without_checkpoints_the_message_does_not_claim_one(
    settings, tiny_settings, signalled, tmp_path
):
    path = settings.tokenizer.vocab_path
    keys = {**KEYS, "vocab_path": path, "save_checkpoints": False}
    with pytest.raises(Preempted, match="save_checkpoints=False nothing is kept"):
        run(tiny_settings(**keys), str(tmp_path))
    assert signalled == [2]


def test_a_run_that_is_asked_to_end_waits_for_its_save(
    settings, signalled, tmp_path, monkeypatch
):
    """And tries it again at once, if it fails: see `Saver.save`."""
    lasts = []
    monkeypatch.setattr(
        Saver, "save", lambda saver, *what, is_last: lasts.append(is_last)
    )
    with pytest.raises(Preempted):
        run(settings, str(tmp_path))
    assert signalled == [2]
    assert lasts == [True]


def test_a_run_whose_folder_was_taken_saves_nothing_there(
    settings, tmp_path, monkeypatch
):
    def taken(_):
        raise UserError("another run took the folder")

    monkeypatch.setattr(RunLock, "check", taken)
    with pytest.raises(UserError, match="another run took the folder"):
        run(settings, str(tmp_path))
    assert list((tmp_path / "checkpoints").iterdir()) == []


def test_a_second_ctrl_c_ends_at_once():
    watch = PreemptionWatch()
    signal.raise_signal(signal.SIGINT)
    assert watch.requested() == "SIGINT"
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
