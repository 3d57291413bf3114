"""Work over processes: in order, bounded, and plain about a process that is killed."""

import os
import signal

import pytest

from transformer_lm.registry import UserError
from transformer_lm.tokenizers.processes import Workers, chunked, ordered_map


def double(number):
    return 2 * number


def die(number):
    os.kill(os.getpid(), signal.SIGKILL)


def process(number):
    return os.getpid()


def fail(number):
    raise ValueError(f"cannot do {number}")


def test_results_come_in_order_and_items_are_taken_as_needed():
    taken = []

    def items():
        for number in range(50):
            taken.append(number)
            yield number

    results = ordered_map(double, items(), 2)
    assert next(results) == 0
    assert len(taken) <= 5
    assert list(results) == [2 * number for number in range(1, 50)]


def test_workers_are_kept_until_they_are_closed():
    workers = Workers(process, 1)
    first, second = list(workers.map(range(3))), list(workers.map(range(3)))
    assert {*first} == {*second}
    assert os.getpid() not in first
    workers.close()
    with pytest.raises(ProcessLookupError):
        os.kill(first[0], 0)


def test_workers_go_on_after_an_error():
    workers = Workers(fail, 1)
    for _ in range(2):
        with pytest.raises(ValueError, match="cannot do 0"):
            list(workers.map(range(3)))
    workers.close()


def test_a_killed_process_is_a_plain_error():
    with pytest.raises(
        UserError, match=r"one of 2 processes was killed, perhaps for wan"
    ):
        list(ordered_map(die, range(3), 2))


def test_an_error_comes_out():
    with pytest.raises(ValueError, match="cannot do 0"):
        list(ordered_map(fail, range(3), 2))


def test_chunks_hold_all_texts_in_order():
    texts = ["あ" * size for size in (5, 0, 9, 2, 2, 2, 30, 1)]
    chunks = list(chunked(texts, 10))
    assert [text for chunk in chunks for text in chunk] == texts
    assert [len(chunk) for chunk in chunks] == [3, 4, 1]
