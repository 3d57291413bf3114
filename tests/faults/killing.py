"""Kills a command at chosen moments, again and again, and looks at what is left."""

import hashlib
import random
import re
import signal
import subprocess
import time
from pathlib import Path

from etils import epath

from tests.faults.runs import KEYS, PATIENCE_SECONDS
from transformer_lm.checksums import FILE, damage

DATE = re.compile(rb'"created": "[^"]*"')
"""What a manifest says of the time of its making."""


def wait_while(process, condition):
    """Waits until a condition no longer holds or the process ends."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while process.poll() is None and condition():
        assert time.monotonic() < deadline, "nothing happened"
        time.sleep(0.003)


def kill(process):
    """Kills a process; False if it had ended by itself."""
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return process.returncode == -signal.SIGKILL


def digests(folder):
    """SHA-256 and size of each file by its path, hidden ones and dates apart."""
    return {
        str(path.relative_to(folder)): (
            hashlib.sha256(DATE.sub(b"", path.read_bytes())).hexdigest(),
            path.stat().st_size,
        )
        for path in sorted(Path(folder).rglob("*"))
        if path.is_file() and not str(path.relative_to(folder)).startswith(".")
    }


def checkpoint_digests(workdir):
    """The checksums file of each whole checkpoint, proved right, by step."""
    found = {}
    for path in (workdir / "checkpoints").glob("*"):
        if path.name.isdigit():
            assert damage(epath.Path(path)) == []
            found[path.name] = (path / FILE).read_bytes()
    return found


def last_line(file):
    lines = file.read_bytes().splitlines() if file.exists() else []
    return lines[-1] if lines else b""


class Phases:
    """Waits for a phase of a run of main.py, and then for a random moment in it."""

    def __init__(self, workdir, seed):
        self._workdir = workdir
        self._random = random.Random(seed)
        self._metrics = workdir / "metrics.jsonl"

    def wait(self, process, phase, within=None):
        """Waits; `within` so many seconds of the phase's beginning, or as is usual."""
        before = last_line(self._metrics)
        wait, seconds = {
            "start-up": (lambda: False, 8),
            "tokenizer training": (self._no_tokenizer_yet, 3),
            "steps": (lambda: last_line(self._metrics) == before, 0.4),
            "evaluation": (lambda: not self._evaluates(before), 0.5),
            "checkpoint writing": (lambda: not self._writes(), 0.1),
        }[phase]
        wait_while(process, wait)
        until = time.monotonic() + self._random.uniform(
            0, seconds if within is None else within
        )
        wait_while(process, lambda: time.monotonic() < until)

    def _no_tokenizer_yet(self):
        log = self._workdir / "train.log"
        return not log.exists() or "training the vocabulary" not in log.read_text()

    def _evaluates(self, before):
        """Training figures of a step that is evaluated are there, its own are not."""
        line = last_line(self._metrics)
        step = re.match(rb'{"step": (\d+),', line)
        if step is None or line == before or b"eval_" in line:
            return False
        return int(step[1]) % KEYS["eval_every_steps"] == 0

    def _writes(self):
        return any((self._workdir / "checkpoints").glob("*orbax-checkpoint-tmp*"))


def killed_again_and_again(command, kills, longest, seed, **options):
    """Kills a command at random moments, then lets it end.

    Args:
      command: program and arguments.
      kills: how often.
      longest: seconds that it takes undisturbed.
      seed: of the moments.
      **options: of subprocess.

    Returns:
      Kills that met a running process.
    """
    chooser, met = random.Random(seed), 0
    for _ in range(kills):
        process = subprocess.Popen(command, stderr=subprocess.PIPE, **options)
        # Towards the end a command is hardly ever still at work.
        until = time.monotonic() + chooser.uniform(0.1, 0.7 * longest)
        wait_while(process, lambda until=until: time.monotonic() < until)
        met += kill(process)
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, **options
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return met
