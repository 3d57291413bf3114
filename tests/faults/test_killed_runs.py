"""A run that is killed and started again ends bit-identical to one that is not."""

import random
import signal
import time

import pytest

from tests.faults.killing import checkpoint_digests
from tests.faults.runs import (
    PATIENCE_SECONDS,
    STATED_SECONDS,
    STEPS,
    assert_same_end,
    finish,
    finish_asked,
    logged,
    newest_checkpoint,
    start,
    wait_for_checkpoint,
)
from transformer_lm.models import MODELS


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    output = finish(start(folder / "whole", folder / "cache"))
    return folder, output


def kill_and_finish(workdir, cache, kills, **keys):
    """Kills a run at random moments, each after a save; returns what its end prints."""
    chooser = random.Random(kills)
    for number in range(kills):
        process = start(workdir, cache, **keys)
        # A random moment after a random save, so that each kill loses some steps.
        wanted = STEPS * number // (kills + 1)
        wait_for_checkpoint(process, workdir, wanted)
        time.sleep(chooser.uniform(0, 0.3))
        process.send_signal(signal.SIGKILL)
        process.communicate()
    return finish(start(workdir, cache, **keys))


@pytest.mark.parametrize(
    "kills",
    [pytest.param(2, id="2"), pytest.param(10, id="10", marks=pytest.mark.slow)],
)
def test_killed_runs_end_bit_identical(uninterrupted, kills):
    folder, _ = uninterrupted
    workdir = folder / f"killed_{kills}"
    output = kill_and_finish(workdir, folder / "cache", kills)
    # Of ten kills, the last may come too late.
    assert kills > 2 or "run.lock was left by a run that is gone" in output
    assert_same_end(folder / "whole", workdir)


@pytest.mark.slow
@pytest.mark.parametrize(
    "family", [name for name in MODELS if name != "transformer_lm"]
)
def test_killed_runs_of_every_family_end_bit_identical(family, tmp_path):
    cache = tmp_path / "cache"
    finish(start(tmp_path / "whole", cache, family=family))
    kill_and_finish(tmp_path / "killed", cache, 3, family=family)
    assert_same_end(tmp_path / "whole", tmp_path / "killed")


def test_sigterm_saves_and_the_same_command_goes_on(uninterrupted):
    folder, _ = uninterrupted
    workdir = folder / "terminated"
    process = start(workdir, folder / "cache")
    wait_for_checkpoint(process, workdir, 7)
    output, seconds = finish_asked(process)
    assert seconds < STATED_SECONDS
    last = output.splitlines()[-1]
    assert f"SIGTERM received: saved step {newest_checkpoint(workdir)} of" in last
    assert str(newest_checkpoint(workdir)) in checkpoint_digests(workdir)
    assert f"going on from checkpoint {newest_checkpoint(workdir)}" in finish(
        start(workdir, folder / "cache")
    )
    assert_same_end(folder / "whole", workdir)


def test_a_second_run_is_refused_and_ctrl_c_frees_the_folder(uninterrupted):
    folder, _ = uninterrupted
    workdir = folder / "shared"
    first = start(workdir, folder / "cache")
    wait_for_checkpoint(first, workdir, 7)
    first.send_signal(signal.SIGSTOP)
    output = finish(start(workdir, folder / "cache", "--take_over"), code=2)
    assert f"in use by another run: process {first.pid} on host" in output
    first.send_signal(signal.SIGCONT)
    first.send_signal(signal.SIGINT)
    assert "SIGINT received: saved step" in finish(first, code=143)
    assert not (workdir / "run.lock").exists()


def test_a_finished_run_is_not_trained_again(uninterrupted):
    folder, _ = uninterrupted
    before = logged(folder / "whole")
    assert "nothing is left to train" in finish(
        start(folder / "whole", folder / "cache")
    )
    assert logged(folder / "whole") == before


def test_another_architecture_is_refused(uninterrupted):
    folder, _ = uninterrupted
    process = start(folder / "whole", folder / "cache", emb_dim=64, dropout_rate=0.2)
    output, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 2
    assert "belongs to another run" in output
    assert "emb_dim: 32 before, 64 now" in output
    assert "Traceback" not in output
    assert newest_checkpoint(folder / "whole") == STEPS


def test_the_user_sees_what_came_out(uninterrupted):
    _, output = uninterrupted
    for wanted in ("Samples", "bits_per_character", "entropy of the generator"):
        assert wanted in output
    for line in ("loss curves", "report", "TensorBoard", "checkpoints"):
        assert line in output
