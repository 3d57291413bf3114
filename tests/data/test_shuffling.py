"""The order of records, and their division into groups."""

import json

import pytest

from transformer_lm.data import shuffling
from transformer_lm.data.datasets.interface import Share
from transformer_lm.data.datasets.text_files import TextFilesDataset
from transformer_lm.data.graph import PythonCalls
from transformer_lm.data.shuffling import Order, text_groups

COUNT = 50


@pytest.fixture
def records(tmp_path):
    path = tmp_path / "numbers.jsonl"
    path.write_text("\n".join(json.dumps({"text": f"{i:04}"}) for i in range(COUNT)))
    share = Share("text_files", "train", None, str(path), "replace", 1000)
    return TextFilesDataset().open(share, PythonCalls())


def groups(records, order, number, **place):
    """(epoch, window, group, texts) of the first groups."""
    dataset = text_groups(records, order, PythonCalls(), **place).take(number)
    return [
        (
            *(int(group[key]) for key in ("epoch", "window", "group")),
            [int(text) for text in group["text"]],
        )
        for group in dataset.as_numpy_iterator()
    ]


def test_records_are_shuffled_within_windows_anew_in_every_epoch(records):
    found = groups(records, Order(20, seed=0, repeat=True), 6)
    assert [place[:3] for place in found] == [
        (epoch, window, 0) for epoch in (0, 1) for window in (0, 20, 40)
    ]
    for (_, window, _, first), (*_, second) in zip(found[:3], found[3:], strict=True):
        assert sorted(first) == list(range(window, min(window + 20, COUNT)))
        assert sorted(second) == sorted(first)
        assert first != sorted(first)
        assert first != second
    other = groups(records, Order(20, seed=1, repeat=True), 1)
    assert other[0][3] != found[0][3]


def test_without_shuffling_the_order_is_kept(records):
    ((*_, texts),) = groups(records, Order(1, seed=0, repeat=False), 9)
    assert texts == list(range(COUNT))


def test_a_window_is_divided_by_bytes_and_can_be_entered_anywhere(records, monkeypatch):
    monkeypatch.setattr(shuffling, "GROUP_BYTES", 30)
    order = Order(20, seed=0, repeat=True)
    found = groups(records, order, 20)
    assert [len(texts) for *_, texts in found[:3]] == [7, 7, 6]
    for number in (1, 2, 5, 9, 12):
        epoch, window, group, _ = found[number]
        place = {"epoch": epoch, "start": window, "skip": group}
        assert groups(records, order, 3, **place) == found[number : number + 3]
