"""How a program ends that cannot go on: one message, its exit code, no traceback."""

import signal
import subprocess
import sys

import pytest

from transformer_lm.exit_codes import INTERRUPTED, PEER_LOST, PREEMPTED, USER_ERROR

PROGRAM = """
import argparse, signal, threading, time
import jax
from transformer_lm import command_line
from transformer_lm.registry import UserError
from transformer_lm.train.preemption import Preempted

LOST = "Gloo AllReduce failed: Connection closed by peer [127.0.0.1]:1234\\nstack"

class Unraisable:
    def __del__(self):
        raise ValueError("that no caller can be told")

def fail_in_a_thread():
    Unraisable()
    raise ValueError("of a thread")

def lost():
    jax.process_count = lambda: 2
    raise jax.errors.JaxRuntimeError(LOST)

def alone():
    raise jax.errors.JaxRuntimeError(LOST)

def memory():
    raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory: 9 GiB\\nstack")

def mistake():
    raise UserError("hf_aSecretThatNobodyMaySee123456789 is no name")

def preempted():
    raise Preempted("SIGTERM received: saved step 7")

def system():
    thread = threading.Thread(target=fail_in_a_thread)
    thread.start()
    thread.join()
    open("/")

def unknown():
    raise OSError("of a library")

def interrupted():
    # A test that runs in the background of a shell would hand on that it is ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    print("ready", flush=True)
    while True:
        time.sleep(0.01)

parser = argparse.ArgumentParser()
parser.add_argument("--end")
command_line.start_program(lambda arguments: globals()[arguments.end](), parser)
"""

LOST_WORDS = (
    "another process of this run ended or cannot be reached: Gloo AllReduce failed:"
    " Connection closed by peer [127.0.0.1]:1234\nIts own message says why. Start all"
    " processes again; they go on from the newest checkpoint.\n"
)
MEMORY_WORDS = (
    "the devices have too little memory: RESOURCE_EXHAUSTED: Out of memory: 9 GiB\n"
    "Take a smaller batch_size or per_device_batch_size, more grad_accumulation_steps (or,"
    " in evaluation, a smaller eval_per_device_batch_size), shorter rows, remat=full, or"
    " more devices with fsdp_parallel.\n"
)


def start(end):
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, f"--end={end}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    ("end", "code", "message"),
    [
        ("mistake", USER_ERROR, "-c: [token] is no name\n"),
        ("preempted", PREEMPTED, "-c: SIGTERM received: saved step 7\n"),
        ("lost", PEER_LOST, f"-c: {LOST_WORDS}"),
        (
            "system",
            USER_ERROR,
            "-c: the system refuses: [Errno 21] Is a directory: '/'\nMend that, then give"
            " the same command again; a run goes on from its newest checkpoint.\n",
        ),
        ("memory", USER_ERROR, f"-c: {MEMORY_WORDS}"),
    ],
)
def test_what_a_user_can_mend_is_one_message(end, code, message):
    process = start(end)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == code, errors
    assert errors == message


@pytest.mark.parametrize(
    ("end", "last"),
    [
        ("alone", "jax.errors.JaxRuntimeError: Gloo AllReduce failed"),
        ("unknown", "OSError: of a library"),
    ],
)
def test_what_nobody_foresaw_keeps_its_traceback(end, last):
    """A lone process has lost no other; an OSError without a number is a library's."""
    process = start(end)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 1
    assert "Traceback" in errors
    assert last in errors


def test_ctrl_c_before_training_is_one_line():
    process = start("interrupted")
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=300)
    assert errors == "-c: interrupted before training began\n"
    assert process.returncode == INTERRUPTED
