"""Two runs never share a work folder; what a dead run left behind is no obstacle."""

import json
import os
import subprocess
import sys
import threading
from dataclasses import asdict, replace

import pytest
from etils import epath

from transformer_lm.registry import UserError
from transformer_lm.train import lock, lock_owner
from transformer_lm.train.lock import LOCK_FILE, RunLock, only_run
from transformer_lm.train.lock_owner import this_process


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(lock, "BEAT_SECONDS", 0.05)
    monkeypatch.setattr(lock, "STILL_SECONDS", 0.5)
    monkeypatch.setattr(lock, "SETTLE_SECONDS", 0.05)


@pytest.fixture
def folder(tmp_path):
    return epath.Path(tmp_path)


def write(folder, owner):
    (folder / LOCK_FILE).write_text(json.dumps(asdict(owner)))


def wait_until(condition):
    for _ in range(2000):
        if condition():
            return
        threading.Event().wait(0.01)
    pytest.fail("it never came about")


def test_the_second_run_is_refused_with_the_first_ones_facts(folder):
    first = RunLock(folder)
    with pytest.raises(UserError) as refused:
        RunLock(folder, take_over=True)
    owner = json.loads((folder / LOCK_FILE).read_text())
    for wanted in (owner["host"], f"process {os.getpid()}", owner["started"]):
        assert str(wanted) in str(refused.value)
    first.close()
    assert not (folder / LOCK_FILE).exists()
    RunLock(folder).close()


def test_a_run_of_this_machine_that_is_gone_is_taken_over(folder, caplog):
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    start = lock_owner._process_start(child.pid)
    write(folder, replace(this_process(), process=child.pid, process_start=start))
    # Its lock stands still, as that of a process does which is stopped for a while.
    with pytest.raises(UserError, match=f"process {child.pid}"):
        RunLock(folder, take_over=True)
    child.communicate(b"\n")
    RunLock(folder).close()
    assert "taken over" in caplog.text


def test_another_process_with_the_same_number_is_not_the_owner(folder, caplog):
    write(folder, replace(this_process(), process_start="12"))
    RunLock(folder).close()
    assert "taken over" in caplog.text


def test_a_lock_from_before_this_machine_started_is_taken_over(folder, caplog):
    write(folder, replace(this_process(), machine="another boot", process=os.getpid()))
    RunLock(folder).close()
    assert "left by a run that is gone" in caplog.text


def test_another_machine_is_believed_unless_its_lock_stands_still(folder, caplog):
    elsewhere = replace(this_process(), host="elsewhere", machine="another boot")
    write(folder, elsewhere)
    with pytest.raises(UserError, match=r"host elsewhere(.|\n)*--take_over"):
        RunLock(folder)
    RunLock(folder, take_over=True).close()
    assert "stood still" in caplog.text


def test_a_lock_that_beats_is_never_taken(folder, monkeypatch):
    first = RunLock(folder)
    monkeypatch.setattr(lock_owner, "_machine", lambda: "another boot")
    monkeypatch.setattr(lock_owner.socket, "gethostname", lambda: "elsewhere")
    with pytest.raises(UserError, match="It is alive"):
        RunLock(folder, take_over=True)
    first.check()
    first.close()


def test_a_run_that_lost_its_folder_stops(folder):
    first = RunLock(folder)
    write(folder, replace(this_process(), host="elsewhere"))
    wait_until(lambda: first._lost)
    with pytest.raises(UserError, match=r"another run took the folder.*elsewhere"):
        first.check()
    first.close()
    assert (folder / LOCK_FILE).exists()  # It is the other run's.


def test_a_deleted_lock_comes_back(folder):
    first = RunLock(folder)
    (folder / LOCK_FILE).unlink()
    wait_until((folder / LOCK_FILE).exists)
    with pytest.raises(UserError, match="in use by another run"):
        RunLock(folder)
    first.check()
    first.close()


def test_a_lock_that_cannot_be_read_is_not_ignored(folder):
    (folder / LOCK_FILE).write_text("{")
    with pytest.raises(UserError, match="cannot be read"):
        RunLock(folder)
    RunLock(folder, take_over=True).close()


def begin_at_once(folder, count):
    """Asks for the folder in so many threads; returns locks and refusals."""
    held, refusals = [], []

    def begin():
        try:
            held.append(RunLock(folder))
        except UserError as error:
            refusals.append(error)

    threads = [threading.Thread(target=begin) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return held, refusals


@pytest.mark.parametrize("links", [True, False])
def test_of_many_that_begin_at_once_one_gets_the_folder(folder, monkeypatch, links):
    link = os.link
    all_saw_no_lock = threading.Barrier(8)

    def together(*paths):
        all_saw_no_lock.wait()
        if not links:
            raise OSError("no hard links here")
        link(*paths)

    monkeypatch.setattr(os, "link", together)
    monkeypatch.setattr(lock, "SETTLE_SECONDS", 0.5)
    held, refusals = begin_at_once(folder, 8)
    assert (len(held), len(refusals)) == (1, 7)
    held[0].close()


def test_of_many_that_take_over_at_once_one_gets_the_folder(folder, monkeypatch):
    write(folder, replace(this_process(), process_start="12"))
    check, all_saw_it_gone = lock._check_free, threading.Barrier(4)

    def together(*arguments):
        check(*arguments)
        all_saw_it_gone.wait()

    monkeypatch.setattr(lock, "_check_free", together)
    monkeypatch.setattr(lock, "SETTLE_SECONDS", 0.5)
    held, refusals = begin_at_once(folder, 4)
    assert (len(held), len(refusals)) == (1, 3)
    held[0].close()


def test_the_folder_is_free_after_an_error(folder):
    with pytest.raises(ZeroDivisionError), only_run(folder):
        raise ZeroDivisionError
    assert list(folder.iterdir()) == []


def test_a_disk_that_is_full_for_a_while_leaves_no_litter(folder, monkeypatch, caplog):
    first = RunLock(folder)
    write_text = type(folder).write_text

    def full(path, *arguments, **options):
        write_text(path, "")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(folder), "write_text", full)
    wait_until(lambda: "could not be rewritten" in caplog.text)
    monkeypatch.undo()
    first.check()
    first.close()
    assert list(folder.iterdir()) == []
