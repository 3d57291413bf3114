"""Commands that are interrupted, fail or end, and what is done about each."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "docs" / "restart"
RUN = """
import pathlib, sys
place = pathlib.Path(sys.argv[1])
done = len(list(place.glob("start*")))
(place / f"start{done}").touch()
sys.exit(int(sys.argv[2].split(",")[done]))
"""
"""Stands for a run: ends with the codes of its second argument, one after another."""


def command(folder, codes, *flags):
    flags = ("--pause=0", *flags)
    tool = [sys.executable, "-m", "transformer_lm.tools.restart", *flags, "--"]
    return [*tool, sys.executable, "-c", RUN, str(folder), codes]


def restart(folder, codes, *flags):
    done = subprocess.run(
        command(folder, codes, *flags),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    return done.returncode, len(list(folder.glob("start*"))), done.stderr


@pytest.mark.parametrize(
    ("codes", "ends_with", "starts"),
    [
        ("0,1", 0, 1),
        # Preempted and lost processes never count as failures.
        ("143,75,143,75,143,0", 0, 6),
        # Failures count when they come in a row.
        ("2,2,143,2,2,0", 0, 6),
        ("143,2,2,2,0", 2, 4),
    ],
)
def test_it_runs_again_until_done_or_hopeless(tmp_path, codes, ends_with, starts):
    code, count, errors = restart(tmp_path, codes)
    assert (code, count) == (ends_with, starts), errors
    assert ("not started again" in errors) == (ends_with == 2)


def test_slow_failures_are_not_hopeless(tmp_path):
    assert restart(tmp_path, "1,1,1,1,0", "--fast_seconds=0")[:2] == (0, 5)


CHILD = """
import pathlib, signal, sys, time
def end(*_):
    time.sleep(0.3)
    pathlib.Path(sys.argv[1], "saved").touch()
    sys.exit(143)
signal.signal(signal.SIGTERM, end)
signal.signal(signal.SIGINT, end)
pathlib.Path(sys.argv[1], "ready").touch()
time.sleep(600)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_are_handed_on_and_the_end_is_waited_for(tmp_path, number):
    tool = [sys.executable, "-m", "transformer_lm.tools.restart", "--pause=0", "--"]
    process = subprocess.Popen(
        [*tool, sys.executable, "-c", CHILD, str(tmp_path)], cwd=ROOT
    )
    while not (tmp_path / "ready").exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(number)
    assert process.wait(timeout=60) == 143
    assert (tmp_path / "saved").exists()


def fake(folder, name, text):
    """Puts a program on the path."""
    program = folder / "bin" / name
    program.parent.mkdir(exist_ok=True)
    program.write_text(text)
    program.chmod(0o755)


def script(folder, name, *arguments, **variables):
    path = f"{folder / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        ["bash", str(SCRIPTS / name), *arguments],
        cwd=ROOT,
        env={**os.environ, **variables, "PATH": path, "PLACE": str(folder)},
        capture_output=True,
        text=True,
        timeout=300,
    )


GCLOUD = """#!/bin/bash
echo "$4 ${*:5}" >> "$PLACE/calls"
case $4 in
describe) if [[ -e $PLACE/state ]]; then cat "$PLACE/state"; else exit 1; fi ;;
create) echo READY > "$PLACE/state" ;;
delete) rm -f "$PLACE/state" ;;
ssh)
    [[ $* == *set-up* ]] && exit 0
    code=$(head -n 1 "$PLACE/codes")
    sed -i 1d "$PLACE/codes"
    [[ $code == 255 ]] && echo PREEMPTED > "$PLACE/state"
    exit "$code" ;;
esac
"""


def test_a_tpu_vm_that_is_taken_away_is_made_again(tmp_path):
    fake(tmp_path, "gcloud", GCLOUD)
    (tmp_path / "codes").write_text("143\n255\n1\n0\n")
    place = ("vm", "zone", "type", "version", "train")
    done = script(tmp_path, "tpu_vm.sh", *place, SETUP="set-up", PAUSE="0")
    assert done.returncode == 0, done.stderr
    verbs = [line.split()[0] for line in (tmp_path / "calls").read_text().splitlines()]
    assert verbs.count("create") == 2
    assert verbs.count("delete") == 1
    assert verbs.count("ssh") == 2 + 4


def test_a_run_that_cannot_work_on_a_tpu_vm_is_given_up(tmp_path):
    fake(tmp_path, "gcloud", GCLOUD)
    (tmp_path / "codes").write_text("2\n2\n2\n0\n")
    place = ("vm", "zone", "type", "version", "train")
    done = script(tmp_path, "tpu_vm.sh", *place, SETUP="set-up", PAUSE="0")
    assert done.returncode == 2
    assert "given up" in done.stdout


SRUN = """#!/bin/bash
trap 'exit 143' TERM
touch "$PLACE/running"
[[ -e $PLACE/second ]] && exit 0
while true; do sleep 0.05; done
"""


def test_a_slurm_job_that_is_asked_to_end_is_queued_again(tmp_path):
    fake(tmp_path, "srun", SRUN)
    fake(tmp_path, "scontrol", '#!/bin/bash\necho "$@" > "$PLACE/queued"\n')
    path = f"{tmp_path / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    job = subprocess.Popen(
        ["bash", str(SCRIPTS / "slurm.sh")],
        cwd=ROOT,
        env={**os.environ, "PATH": path, "PLACE": str(tmp_path), "SLURM_JOB_ID": "77"},
    )
    while not (tmp_path / "running").exists():
        assert job.poll() is None
        time.sleep(0.01)
    job.send_signal(signal.SIGTERM)
    assert job.wait(timeout=60) == 143
    assert (tmp_path / "queued").read_text() == "requeue 77\n"
    (tmp_path / "second").touch()
    assert script(tmp_path, "slurm.sh", SLURM_JOB_ID="77").returncode == 0
