"""Work in other processes: order, bounded look-ahead, a death on the way."""

import operator
import os

import pytest

from transformer_lm.corpora.build.workers import Workers
from transformer_lm.registry import UserError


def test_results_come_in_order_and_items_are_not_all_taken_at_once():
    taken = []

    def items():
        for item in range(100):
            taken.append(item)
            yield item

    with Workers(2) as workers:
        results = workers.map(operator.neg, items())
        assert next(results) == 0
        assert len(taken) <= 6
        assert list(results) == [-item for item in range(1, 100)]
        assert list(workers.map(operator.neg, [5])) == [-5]


def test_a_worker_that_dies_is_told():
    with Workers(2) as workers, pytest.raises(UserError, match="a worker process died"):
        list(workers.map(os._exit, [1]))
