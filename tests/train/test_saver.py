"""When a run is saved, and what happens when that goes wrong."""

import logging
import time

import pytest

from transformer_lm.checkpoint import CheckpointWriteError
from transformer_lm.train import saver as module
from transformer_lm.train.saver import Saver


class FlakyStore:
    """Fails as often as it is told to, at once or in the background."""

    def __init__(self, fails_at_once=0, fails_behind=0):
        self.fails_at_once, self.fails_behind = fails_at_once, fails_behind
        self.saved: list[int] = []
        self._under_way: int | None = None

    def save(self, step, *_):
        self.wait()
        if self.fails_at_once:
            self.fails_at_once -= 1
            raise CheckpointWriteError(f"checkpoint {step} could not be written")
        self._under_way = step

    def wait(self):
        step, self._under_way = self._under_way, None
        if step is None:
            return
        if self.fails_behind:
            self.fails_behind -= 1
            raise CheckpointWriteError(f"checkpoint {step} could not be written")
        self.saved.append(step)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(module, "PAUSES", (0.0, 0.0))


def save(saver, step, *, is_last=False):
    saver.save(step, None, b"", {}, None, is_last=is_last)


def test_a_save_that_failed_behind_is_made_up_for_at_the_next(tiny_settings, caplog):
    store = FlakyStore(fails_behind=2)
    saver = Saver(store, tiny_settings(), 0)
    save(saver, 10)
    save(saver, 20)  # Hears of 10, fails once more, and waits for its own end.
    assert store.saved == [20]
    assert "checkpoint 10 could not be written" in caplog.text
    save(saver, 30)
    save(saver, 40, is_last=True)
    assert store.saved == [20, 30, 40]


def test_the_last_save_is_tried_again_and_waited_for(tiny_settings):
    store = FlakyStore(fails_at_once=1, fails_behind=1)
    save(Saver(store, tiny_settings(), 0), 40, is_last=True)
    assert store.saved == [40]


def test_a_disk_that_stays_full_stops_the_run(tiny_settings, caplog):
    caplog.set_level(logging.CRITICAL)
    store = FlakyStore(fails_at_once=3)
    with pytest.raises(CheckpointWriteError, match="checkpoint 40"):
        save(Saver(store, tiny_settings(), 0), 40, is_last=True)


def test_minutes_are_counted_whatever_the_clock_says(tiny_settings, monkeypatch):
    settings = tiny_settings(checkpoint_every_minutes=10.0, log_every_steps=1)
    seconds = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: seconds[0])
    saver = Saver(FlakyStore(), settings, 0)
    for jump in (1e9, -1e9):
        monkeypatch.setattr(time, "time", lambda jump=jump: 1e9 + jump)
        assert not saver.due(1)
    seconds[0] += 601
    assert saver.due(1)
    save(saver, 1)
    assert not saver.due(2)
