"""The long form: `make test-faults`. Each fault is real, and so is what it hits."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from typing import Any

import jax
import pytest

from tests.data.prepared_folder import CONFIG, LINES, prepare, texts, write_texts
from tests.faults.killing import (
    Phases,
    checkpoint_digests,
    digests,
    kill,
    killed_again_and_again,
    last_line,
    wait_while,
)
from tests.faults.runs import (
    PATIENCE_SECONDS,
    ROOT,
    STATED_SECONDS,
    STEPS,
    assert_same_end,
    finish,
    finish_asked,
    newest_checkpoint,
    start,
    state_at_end,
    wait_for_checkpoint,
)

pytestmark = [pytest.mark.faults, pytest.mark.timeout(2 * PATIENCE_SECONDS)]

PHASES = (
    "tokenizer training",
    "start-up",
    "steps",
    "checkpoint writing",
    "evaluation",
    "checkpoint writing",
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that nobody disturbs, and the cache of its programs."""
    folder = tmp_path_factory.mktemp("faults")
    finish(start(folder / "whole", folder / "cache"))
    return folder


def size_of_state(workdir):
    return sum(leaf.nbytes for leaf in jax.tree.leaves(state_at_end(workdir)))


@pytest.mark.parametrize("chain", range(6))
def test_a_run_killed_in_every_phase_ends_bit_identical(whole, chain, ledger):
    workdir = whole / f"chain_{chain}"
    phases, before = Phases(workdir, chain), {}
    for phase in PHASES:
        lines = last_line(workdir / "metrics.jsonl")
        began = time.monotonic()
        process = start(workdir, whole / "cache")
        phases.wait(process, phase)
        if not kill(process):
            continue  # It had come to its end.
        ledger(f"SIGKILL during {phase}")
        after = checkpoint_digests(workdir)
        assert all(after[step] == before[step] for step in after.keys() & before.keys())
        before = after
        if lines and last_line(workdir / "metrics.jsonl") != lines:
            ledger("run gone on with", longest_seconds=time.monotonic() - began)
    finish(start(workdir, whole / "cache"))
    assert_same_end(whole / "whole", workdir)
    ledger("killed run compared", bytes=size_of_state(workdir))
    shutil.rmtree(workdir)


def test_an_evaluation_is_left_when_the_run_is_asked_to_end(whole, ledger):
    """One of many small batches, so that the signal comes in its midst."""
    keys: dict[str, Any] = {"eval_per_device_batch_size": 1, "num_eval_steps": 500}
    finish(start(whole / "evaluated", whole / "cache", **keys))
    workdir = whole / "asked"
    phases = Phases(workdir, 1)
    for step in (20, 40, 60):
        process = start(workdir, whole / "cache", **keys)
        phases.wait(process, "evaluation", within=0.05)
        output, seconds = finish_asked(process)
        assert f"SIGTERM received: saved step {step} of" in output
        assert seconds < STATED_SECONDS
        assert str(step) in checkpoint_digests(workdir)
        assert b"eval_" not in last_line(workdir / "metrics.jsonl")
        ledger("SIGTERM during evaluation", longest_seconds=seconds)
    finish(start(workdir, whole / "cache", **keys))
    assert_same_end(whole / "evaluated", workdir)
    ledger("run asked to end compared", bytes=size_of_state(workdir))


def timed(command, **options):
    """Runs a command; returns the seconds that it took."""
    began = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stderr[-3000:]
    return time.monotonic() - began


def tool(name, *arguments):
    return [sys.executable, "-m", f"transformer_lm.tools.{name}", *map(str, arguments)]


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    """Three files of some thousand documents."""
    folder = tmp_path_factory.mktemp("text")
    for number in range(3):
        write_texts(folder / f"{number}.jsonl", texts(3000 * number, 3000))
    return folder


def compare_killed(command_of, folder, kills, seed, ledger, kind):
    """Kills a tool again and again; its files must be those of one left alone."""
    longest = timed(command_of(folder / "whole"), cwd=ROOT)
    met = killed_again_and_again(
        command_of(folder / "killed"), kills, longest, seed, cwd=ROOT
    )
    one, other = digests(folder / "whole"), digests(folder / "killed")
    assert one == other
    for _ in range(met):
        ledger(f"SIGKILL during {kind}")
    ledger(f"killed {kind} compared", bytes=sum(size for _, size in one.values()))


@pytest.mark.parametrize("processes", [1, 2])
def test_build_corpus_killed_again_and_again(text, tmp_path, processes, ledger):
    def command(out):
        return tool(
            "build_corpus",
            f"--output={out}",
            f"--inputs={text}/?.jsonl",
            "--rules=wikipedia",
            f"--processes={processes}",
        )

    compare_killed(command, tmp_path, 6, processes, ledger, "build_corpus")


@pytest.fixture(scope="module")
def vocabulary(text):
    """The vocabulary of the text, and how it is trained."""
    timed(train_tokenizer(text, text / "vocabulary"), cwd=ROOT)
    return text / "vocabulary" / "sentencepiece_model"


def train_tokenizer(text, out):
    return tool(
        "train_tokenizer",
        "--kind=sentencepiece",
        f"--input={text}/0.jsonl",
        f"--output={out}",
        "--vocab_size=600",
        "--spm_train_options=--byte_fallback=true --hard_vocab_limit=false",
    )


def test_train_tokenizer_killed_again_and_again(text, tmp_path, ledger):
    def command(out):
        return train_tokenizer(text, out)

    compare_killed(command, tmp_path, 4, 7, ledger, "train_tokenizer")


@pytest.mark.parametrize("processes", [1, 2])
def test_prepare_killed_again_and_again(text, vocabulary, tmp_path, processes, ledger):
    def command(out):
        return tool(
            "prepare",
            f"--output={out}",
            "--kind=sentencepiece",
            f"--vocab_path={vocabulary}",
            f"--processes={processes}",
            f"--train={text}/?.jsonl",
        )

    compare_killed(command, tmp_path, 4, processes, ledger, "prepare")


def test_a_damaged_checkpoint_is_set_aside_and_trained_again(whole, ledger):
    workdir = whole / "damaged"
    process = start(workdir, whole / "cache")
    wait_for_checkpoint(process, workdir, 14)
    process.send_signal(signal.SIGTERM)
    finish(process, code=143)
    step = newest_checkpoint(workdir)
    arrays = (workdir / "checkpoints" / str(step) / "parameters").rglob("d/*")
    file = max(arrays, key=lambda path: path.stat().st_size)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(bytes(content))
    output = finish(start(workdir, whole / "cache"))
    assert f"checkpoint {step} in" in output
    assert f"unsound_checkpoints/{step}" in output
    assert (workdir / "unsound_checkpoints" / str(step)).is_dir()
    assert_same_end(whole / "whole", workdir)
    ledger("damaged checkpoint", bytes=size_of_state(workdir))


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 3 MB, where this user may make one."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(tmp_path)]
    if shutil.which("mount") is None or subprocess.run(mount, check=False).returncode:
        pytest.skip("needs root: it mounts a small disk")
    yield tmp_path
    subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)


def remount(disk, options):
    subprocess.run(["mount", "-o", f"remount,{options}", str(disk)], check=True)


def test_a_full_disk_stops_the_run_and_more_room_lets_it_go_on(
    whole, small_disk, ledger
):
    workdir = small_disk / "run"
    output = finish(start(workdir, whole / "cache"), code=2)
    assert "No space left on device" in output or "could not be written" in output
    remount(small_disk, "size=200m")
    finish(start(workdir, whole / "cache"))
    assert_same_end(whole / "whole", workdir)
    ledger("full disk", bytes=size_of_state(workdir))


def test_a_folder_that_cannot_be_written_is_one_message(whole, small_disk, ledger):
    remount(small_disk, "ro")
    output = finish(start(small_disk / "run", whole / "cache"), code=2)
    assert "cannot be written to" in output
    ledger("read-only work folder")


def test_text_that_vanishes_stops_the_run_and_its_return_lets_it_go_on(
    whole, tmp_path, ledger
):
    keys = {
        "dataset_name": "text_files",
        "data_path": tmp_path / "text.jsonl",
        "shuffle_buffer_size": 16,
    }
    text = write_texts(tmp_path / "text.jsonl", texts(0, 120))
    finish(start(tmp_path / "whole", whole / "cache", **keys))
    workdir = tmp_path / "vanishing"
    process = start(workdir, whole / "cache", **keys)
    wait_for_checkpoint(process, workdir, 7)
    text.rename(tmp_path / "away")
    process.wait(timeout=PATIENCE_SECONDS)
    output = finish(process, code=2)
    assert "text.jsonl" in output.splitlines()[-1]
    (tmp_path / "away").rename(text)
    finish(start(workdir, whole / "cache", **keys))
    assert_same_end(tmp_path / "whole", workdir)
    ledger("text that vanished", bytes=size_of_state(workdir))


def test_a_prepared_shard_that_vanishes_is_named_and_its_return_lets_the_run_go_on(
    whole, tmp_path, ledger
):
    data = tmp_path / "data"
    CONFIG.train(LINES, str(tmp_path))
    files = {"train": tmp_path / "a.jsonl", "validation": tmp_path / "b.jsonl"}
    for number, file in enumerate(files.values()):
        write_texts(file, texts(200 * number, 200))
    prepare(data, tmp_path / "sentencepiece_model", **files)
    keys = {"dataset_name": "prepared", "data_path": data}
    finish(start(tmp_path / "whole", whole / "cache", **keys))
    workdir = tmp_path / "vanishing"
    process = start(workdir, whole / "cache", **keys)
    wait_for_checkpoint(process, workdir, 7)
    shard = next(data.glob("train-*.array_record"))
    away = shard.rename(tmp_path / "away")
    assert shard.name in finish(process, code=2)
    assert f"{shard.name}: None, not" in finish(
        start(workdir, whole / "cache", **keys), code=2
    )
    away.rename(shard)
    finish(start(workdir, whole / "cache", **keys))
    assert_same_end(tmp_path / "whole", workdir)
    ledger("prepared shard that vanished", bytes=size_of_state(workdir))


def replay(workdir, step):
    done = subprocess.run(
        tool("replay", f"--workdir={workdir}", f"--step={step}"),
        cwd=ROOT,
        env={**os.environ, "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )
    return done.returncode, done.stdout + done.stderr


def test_replay_finds_the_figures_of_a_run_and_the_first_that_differs(whole, ledger):
    workdir = shutil.copytree(whole / "whole", whole / "replayed")
    shutil.rmtree(workdir / "checkpoints" / str(STEPS))
    code, output = replay(workdir, STEPS)
    assert code == 0, output
    assert f"step {STEPS}: same" in output
    lines = (workdir / "metrics.jsonl").read_text().splitlines()
    changed = [json.loads(line) for line in lines]
    for record in changed:
        if record["step"] == STEPS and "train_loss" in record:
            record["train_loss"] *= 1.0001
    text = "".join(json.dumps(record) + "\n" for record in changed)
    (workdir / "metrics.jsonl").write_text(text)
    code, output = replay(workdir, STEPS)
    assert code == 1
    assert f"step {STEPS} is the first that differs: train_loss was" in output
    ledger("replayed run")


def test_a_loss_that_is_not_finite_is_named_kept_and_replayed(whole, ledger):
    workdir = whole / "broken"
    output = finish(start(workdir, whole / "cache", learning_rate=1e30), code=2)
    assert "training stopped at step" in output
    file = next((workdir / "bad_steps").glob("*.npz"))
    assert str(file) in output
    code, output = replay(workdir, file.name.partition("-")[0])
    assert code == 0, output
    ledger("loss that is not finite")


def test_bad_steps_are_skipped_counted_and_gone_on_from(whole, ledger):
    """A limit on the gradient that every other step or so exceeds."""
    keys = {
        "nonfinite_policy": "skip",
        "max_skipped_steps": STEPS,
        "gradient_norm_limit": 0.55,
    }
    finish(start(whole / "skipping", whole / "cache", **keys))
    lines = (whole / "skipping" / "metrics.jsonl").read_text().splitlines()
    last = [json.loads(line) for line in lines if "skipped_steps" in line][-1]
    assert 0 < last["skipped_steps"] < STEPS
    workdir = whole / "skipping_killed"
    process = start(workdir, whole / "cache", **keys)
    wait_for_checkpoint(process, workdir, 7)
    wait_while(process, lambda: False)
    kill(process)
    finish(start(workdir, whole / "cache", **keys))
    assert_same_end(whole / "skipping", workdir)
    ledger("run that skips bad steps", steps=last["skipped_steps"])
