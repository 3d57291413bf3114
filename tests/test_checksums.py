"""Damage to a checkpoint's files is seen, named, and never gone on from."""

import random
import shutil
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from etils import epath

from transformer_lm.checkpoint import CheckpointStore
from transformer_lm.checksums import FILE, damage
from transformer_lm.objectives.vocabulary import Vocabulary
from transformer_lm.registry import UserError
from transformer_lm.tools import replay
from transformer_lm.train import loop, soundness
from transformer_lm.train.program import build_program
from transformer_lm.train.restore import load_parameters
from transformer_lm.train.soundness import UNSOUND, set_unsound_aside

STEPS = (3, 5, 7)


@pytest.fixture(scope="module")
def program(tiny_settings):
    return build_program(tiny_settings(), Vocabulary(250), jax.devices()[:1])


@pytest.fixture(scope="module")
def saved(tmp_path_factory, tiny_settings, program):
    """A work folder with three checkpoints, not to be changed."""
    workdir = tmp_path_factory.mktemp("saved")
    state = program.fresh_state(0)
    store = CheckpointStore(str(workdir), keep=3)
    for step in STEPS:
        state = state.replace(step=jnp.asarray(step, jnp.int32))
        store.save(step, state, b"position", tiny_settings().flat(), {})
    store.close()
    return workdir


@pytest.fixture
def workdir(saved, tmp_path):
    return shutil.copytree(saved, tmp_path / "run")


def data_file(workdir, step, item="parameters"):
    """The largest file of arrays of an item."""
    files = (workdir / "checkpoints" / str(step) / item).rglob("d/*")
    return max((f for f in files if f.is_file()), key=lambda f: f.stat().st_size)


def flip(file, at=None):
    content = bytearray(file.read_bytes())
    content[len(content) // 2 if at is None else at] ^= 1
    file.write_bytes(bytes(content))


HARMS = {
    "a byte flipped": (lambda w: flip(data_file(w, 7)), "other bytes"),
    "truncated": (
        lambda w: data_file(w, 7).write_bytes(data_file(w, 7).read_bytes()[:-9]),
        "bytes instead of",
    ),
    "a file missing": (lambda w: data_file(w, 7).unlink(), "is missing"),
    "an item missing": (
        lambda w: shutil.rmtree(w / "checkpoints/7/training"),
        "training/manifest.ocdbt is missing",
    ),
    "checksums missing": (
        lambda w: (w / "checkpoints/7" / FILE).unlink(),
        f"{FILE} is missing",
    ),
    "checksums unreadable": (
        lambda w: (w / "checkpoints/7" / FILE).write_text('{"sha256": [1'),
        f"{FILE} cannot be read",
    ),
    "checksums of another kind": (
        lambda w: (w / "checkpoints/7" / FILE).write_text('{"sha256": {"a": 5}}'),
        f"{FILE} cannot be read",
    ),
}


@pytest.mark.parametrize("harm", HARMS)
def test_the_newest_sound_checkpoint_is_gone_on_from(workdir, harm, caplog):
    harm, message = HARMS[harm]
    harm(workdir)
    set_unsound_aside(str(workdir))
    assert "checkpoint 7 in" in caplog.text
    assert message in caplog.text
    assert (workdir / UNSOUND / "7").is_dir()
    store = CheckpointStore(str(workdir), writes=False)
    assert store.latest_step() == 5
    store.close()


def test_a_run_looks_before_it_goes_on(workdir, tiny_settings, monkeypatch):
    flip(data_file(workdir, 7))
    monkeypatch.setattr(loop, "_train", lambda *parts: parts[2].latest_step())
    assert loop.run(tiny_settings(), str(workdir)) == 5


def test_a_run_that_must_stop_lets_its_save_end(workdir, tiny_settings, monkeypatch):
    """The process ends at once after such an error, and its threads with it."""
    waited = []

    def stop(*_):
        waited.clear()
        raise UserError("the loss is not finite")

    monkeypatch.setattr(loop, "_train", stop)
    monkeypatch.setattr(CheckpointStore, "wait", lambda _: waited.append(True))
    with pytest.raises(UserError, match="not finite"):
        loop.run(tiny_settings(), str(workdir))
    assert waited


def test_sound_checkpoints_stay_where_they_are(workdir, caplog):
    set_unsound_aside(str(workdir))
    assert not caplog.records
    assert not (workdir / UNSOUND).exists()


def test_a_step_that_goes_wrong_again_overwrites_nothing(workdir):
    for _ in range(2):
        flip(data_file(workdir, 7))
        set_unsound_aside(str(workdir))
        shutil.copytree(workdir / "checkpoints/5", workdir / "checkpoints/7")
    assert sorted(p.name for p in (workdir / UNSOUND).iterdir()) == ["7", "7-2"]


def test_if_none_is_sound_nothing_is_touched(workdir):
    for step in STEPS:
        flip(data_file(workdir, step))
    with pytest.raises(UserError, match=r"no checkpoint in .*(.|\n)*- 7: (.|\n)*- 3: "):
        set_unsound_aside(str(workdir))
    assert len(list((workdir / "checkpoints").iterdir())) == 3


def test_a_flipped_byte_anywhere_is_seen_or_does_no_harm(workdir, program):
    """What is not summed (Orbax's own notes) changes nothing that is read."""
    chooser = random.Random(1)
    step = workdir / "checkpoints" / "7"
    store = CheckpointStore(str(workdir), writes=False)
    whole = jax.device_get(store.restore(7, program.abstract))
    unseen = 0
    for file in sorted(f for f in step.rglob("*") if f.is_file()):
        before = file.read_bytes()
        flip(file, chooser.randrange(len(before)))
        if not damage(epath.Path(step)):
            unseen += 1
            again = jax.device_get(store.restore(7, program.abstract))
            jax.tree.map(np.testing.assert_array_equal, again, whole)
        file.write_bytes(before)
    assert unseen <= 2
    assert not damage(epath.Path(step))
    store.close()


def test_checkpoints_of_before_there_were_checksums_are_used(workdir, monkeypatch):
    step = workdir / "checkpoints" / "7"
    (step / FILE).unlink()
    note = step / "settings" / "metadata"
    note.write_text(note.read_text().replace('"checksums"', '"another"'))
    assert damage(epath.Path(step)) == []


def test_readers_take_the_newest_sound_one_too(workdir, program, caplog):
    flip(data_file(workdir, 7))
    shapes = program.abstract.parameters
    step, _ = load_parameters(str(workdir), shapes, average=False)
    assert step == 5
    assert "checkpoint 7 in" in caplog.text
    with pytest.raises(UserError, match="no sound checkpoint"):
        load_parameters(str(workdir), shapes, average=False, step=7)


def test_replay_goes_on_from_a_sound_one_before_the_step(workdir, caplog, monkeypatch):
    monkeypatch.setattr(replay, "resume", lambda *parts: parts[-1])
    parts = SimpleNamespace(program=None)
    found = [replay._start(None, str(workdir), parts, step) for step in (8, 7)]
    flip(data_file(workdir, 7))
    found.append(replay._start(None, str(workdir), parts, 8))
    assert found == [7, 5, 5]
    assert "checkpoint 7: " in caplog.text


def test_a_save_that_was_killed_in_an_object_store_is_no_damage(
    workdir, monkeypatch, caplog
):
    """There a step has its name from the beginning; Orbax says when it is whole."""
    (workdir / "checkpoints" / "7" / FILE).unlink()
    monkeypatch.setattr(
        soundness.ocp.utils, "is_checkpoint_finalized", lambda path: path.name != "7"
    )
    set_unsound_aside(str(workdir))
    assert not caplog.records
    assert (workdir / "checkpoints" / "7").is_dir()


def test_reading_leaves_a_save_that_is_under_way_alone(workdir, program):
    under_way = workdir / "checkpoints" / "9.orbax-checkpoint-tmp"
    under_way.mkdir()
    load_parameters(str(workdir), program.abstract.parameters, average=False)
    assert under_way.exists()
