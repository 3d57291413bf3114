"""Rows of prepared data: those of streaming, in one order for any number of hosts."""

import dataclasses
import json
import shutil

import numpy as np
import pytest

from tests.data.prepared_folder import CONFIG, LINES, prepare, texts, write_texts
from transformer_lm.data import feeding, pipeline, shuffling
from transformer_lm.data.row_builders import row_builder
from transformer_lm.data.source import Source
from transformer_lm.data.windows import Windows
from transformer_lm.registry import UserError

WINDOWS = Windows(max_target_length=32, max_eval_target_length=48)
KINDS = ["causal", "masked", "nsp", "sop"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Vocabulary, two files of training text, one held out; one document is long."""
    path = tmp_path_factory.mktemp("prepared")
    CONFIG.train(LINES, str(path))
    write_texts(path / "a.jsonl", texts(0, 30))
    write_texts(path / "b.jsonl", [*texts(30, 31), LINES[0] * 4800, "一"])
    write_texts(path / "held_out.jsonl", [*texts(100, 20), LINES[0] * 4800])
    for name, flags in (("whole", []), ("sentences", ["--sentences"])):
        prepare(
            path / name,
            path / "sentencepiece_model",
            *flags,
            train=f"{path}/a.jsonl,{path}/b.jsonl",
            validation=path / "held_out.jsonl",
        )
    return path


@pytest.fixture(scope="module")
def tokenizer(folder):
    return CONFIG.load(str(folder))


@pytest.fixture
def small_groups(monkeypatch):
    monkeypatch.setattr(shuffling, "GROUP_BYTES", 1500)


def source(folder, kind="causal", **keys):
    name = "sentences" if kind in ("nsp", "sop") else "whole"
    keys = {"data_path": str(folder / name), **keys}
    return Source(dataset_name="prepared", **keys)


def streamed(folder):
    return Source(
        dataset_name="text_files",
        data_path=f"{folder}/a.jsonl,{folder}/b.jsonl",
        eval_data_path=f"{folder}/held_out.jsonl",
        shuffle_buffer_size=10_000,
    )


def read(source, tokenizer, kind="causal", size=12, host=0, hosts=1, accumulation=1):
    return feeding.train_batches(
        source,
        WINDOWS,
        tokenizer,
        row_builder(kind, WINDOWS, tokenizer),
        process_rows=[size // hosts] * hosts,
        accumulation=accumulation,
        seed=3,
        process_index=host,
    )


def same(one, other):
    assert list(one) == list(other)
    for name in one:
        assert one[name].dtype == other[name].dtype
        np.testing.assert_array_equal(one[name], other[name], name)


@pytest.mark.parametrize("kind", KINDS)
def test_training_rows_are_those_of_a_stream_shuffled_as_a_whole(
    kind, folder, tokenizer, small_groups
):
    """Over more than two epochs; the long document is cut in both."""
    ours = read(source(folder, kind), tokenizer, kind)
    rows = row_builder(kind, WINDOWS, tokenizer)
    theirs = pipeline.train_iterator(
        streamed(folder), WINDOWS, tokenizer, batch_size=12, seed=3, rows=rows
    )
    groups = set()
    while theirs.report()["epoch"] < 2:
        same(next(ours), next(theirs))
        (position,) = json.loads(ours.get_state())["folders"]
        groups.add(position["group"])
    report = theirs.report()
    assert ours.report() == report
    assert report["documents"] > 2 * 60
    assert len(groups) > 2


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("hosts", [1, 2])
def test_held_out_rows_are_those_of_streaming(kind, hosts, folder, tokenizer):
    rows = row_builder(kind, WINDOWS, tokenizer)
    for host in range(hosts):
        place = {"process_index": host, "process_count": hosts}
        keys = {"batch_size": 8 // hosts, "rows": rows, **place}
        ours = list(
            feeding.eval_batches(source(folder, kind), WINDOWS, tokenizer, **keys)
        )
        theirs = list(
            pipeline.eval_batches(streamed(folder), WINDOWS, tokenizer, **keys)
        )
        assert len(ours) == len(theirs) > 1
        for one, other in zip(ours, theirs, strict=True):
            same(one, other)


def global_rows(source, tokenizer, kind, hosts, steps, state, accumulation=1):
    """Batches put together as devices see them, and the state after them."""
    iterators = [
        read(source, tokenizer, kind, 12, host, hosts, accumulation)
        for host in range(hosts)
    ]
    for iterator in iterators:
        if state is not None:
            iterator.set_state(state)
    batches = []
    for _ in range(steps):
        parts = [next(iterator) for iterator in iterators]
        micro = {
            key: np.concatenate(
                [p[key].reshape(accumulation, -1, *p[key].shape[1:]) for p in parts],
                axis=1,
            )
            for key in parts[0]
        }
        batches.append(micro)
    (state,) = {iterator.get_state() for iterator in iterators}
    return batches, state


@pytest.mark.parametrize("accumulation", [1, 3])
@pytest.mark.parametrize("kind", ["causal", "sop"])
def test_the_order_is_that_of_one_host_through_1_2_4_1_hosts(
    kind, accumulation, folder, tokenizer, small_groups
):
    data = source(
        folder,
        kind,
        data_path=f"{folder}/sentences,{folder}/sentences",
        data_weights="1,2",
    )
    expected, _ = global_rows(data, tokenizer, kind, 1, 40, None, accumulation)
    found, state = [], None
    for hosts in (1, 2, 4, 1):
        batches, state = global_rows(
            data, tokenizer, kind, hosts, 10, state, accumulation
        )
        found += batches
    for one, other in zip(expected, found, strict=True):
        same(one, other)


def test_hosts_of_unequal_size_share_a_batch(folder, tokenizer):
    data, rows = source(folder), row_builder("causal", WINDOWS, tokenizer)
    keys = {"accumulation": 3, "seed": 3}
    parts = [
        next(
            feeding.train_batches(
                *(data, WINDOWS, tokenizer, rows),
                process_rows=[6, 4, 2],
                process_index=host,
                **keys,
            )
        )
        for host in range(3)
    ]
    found = np.concatenate([part["tokens"] for part in parts])
    whole = next(read(data, tokenizer, size=12))["tokens"]
    assert list(map(len, (part["tokens"] for part in parts))) == [6, 4, 2]
    assert sorted(found.tolist()) == sorted(whole.tolist())
    first_micro = np.concatenate([part["tokens"][:2] for part in parts])
    np.testing.assert_array_equal(first_micro, whole[:6])


def test_folders_are_mixed_by_weight_and_rows_are_of_one_folder(
    folder, tokenizer, small_groups
):
    single = {}
    for name in ("whole", "sentences"):
        data = source(folder, data_path=str(folder / name))
        iterator = read(data, tokenizer)
        single[name] = [next(iterator) for _ in range(100)]
    data = source(
        folder, data_path=f"{folder}/whole,{folder}/sentences", data_weights="1,5"
    )
    mixed = read(data, tokenizer, size=60)
    batches = [next(mixed) for _ in range(10)]
    tokens = np.concatenate([batch["tokens"] for batch in batches])
    streams = {
        name: np.concatenate([batch["tokens"] for batch in some])
        for name, some in single.items()
    }
    used = dict.fromkeys(streams, 0)
    for row in tokens:
        hits = [
            name
            for name, stream in streams.items()
            if (stream[used[name]] == row).all()
        ]
        assert hits
        used[hits[-1] if len(hits) == 1 else max(hits, key=used.get)] += 1
    share = used["sentences"] / len(tokens)
    assert abs(share - 5 / 6) < 4 * np.sqrt(5 / 36 / len(tokens))


def test_a_position_of_other_data_is_refused(folder, tokenizer):
    state = read(source(folder), tokenizer).get_state()
    other = read(source(folder, data_path=f"{folder}/sentences"), tokenizer)
    with pytest.raises(UserError, match="the text was"):
        other.set_state(state)


@pytest.mark.parametrize("change", [{"row": -1}, {"window": 1 << 70}, {"epoch": -5}])
def test_an_impossible_position_is_refused(folder, tokenizer, change):
    iterator = read(source(folder), tokenizer)
    state = json.loads(iterator.get_state())
    state["folders"][0].update(change)
    with pytest.raises(UserError, match="position in the data is damaged"):
        iterator.set_state(json.dumps(state).encode())


def test_another_epoch_has_another_order(folder, tokenizer):
    iterator = read(source(folder), tokenizer)
    first = next(iterator)
    while iterator.report()["epoch"] < 1:
        next(iterator)
    assert (next(iterator)["tokens"] != first["tokens"]).any()


@pytest.fixture
def shards(folder, tmp_path, small_groups):
    """A copy of the folder, the shards of its training split among it."""
    copy = shutil.copytree(folder / "whole", tmp_path / "whole")
    return sorted(copy.glob("train-*.array_record"))


@pytest.mark.parametrize(
    "harm",
    [
        lambda file: file.unlink(),
        lambda file: file.write_bytes(file.read_bytes()[: file.stat().st_size // 2]),
    ],
    ids=["vanished", "cut short"],
)
def test_a_shard_that_is_harmed_after_the_start_is_named(shards, tokenizer, harm):
    iterator = read(source(shards[0].parent.parent), tokenizer)
    harm(shards[1])

    def whole_epoch():
        while iterator.report()["epoch"] < 1:
            next(iterator)

    with pytest.raises(
        UserError, match=rf"(?s)prepared data .*{shards[1].name}.*again"
    ):
        whole_epoch()


def test_reading_goes_on_from_where_it_was_when_a_shard_is_back(shards, tokenizer):
    data = source(shards[0].parent.parent)
    whole, iterator = read(data, tokenizer), read(data, tokenizer)
    for _ in range(3):
        same(next(iterator), next(whole))
    state = iterator.get_state()
    away = shards[0].rename(shards[0].with_suffix(".away"))
    # What is open stays readable where the disk lets it, and is the same.
    for _ in range(3):
        next(iterator)
    missing = rf"(?s)not as its manifest.*{shards[0].name}: None, not \d+ bytes.*again"
    with pytest.raises(UserError, match=missing):
        read(data, tokenizer)
    away.rename(shards[0])
    again = read(data, tokenizer)
    again.set_state(state)
    for _ in range(20):
        same(next(again), next(whole))


def test_pairs_need_sentences(folder, tokenizer):
    with pytest.raises(UserError, match="prepare it with --sentences"):
        read(source(folder, data_path=f"{folder}/whole"), tokenizer, "sop")


def test_a_missing_split_is_named(folder, tokenizer):
    with pytest.raises(UserError, match=r"no split 'test'; it has train, validation"):
        read(source(folder, train_split="test"), tokenizer)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"data_path": None}, "needs files"),
        ({"data_weights": "1,2"}, "must be 1 positive numbers"),
        ({"data_weights": "x"}, "must be 1 positive numbers"),
        ({"shuffle_buffer_size": 5}, "has no effect on prepared data"),
        ({"invalid_utf8": "skip"}, "has no effect on prepared data"),
        ({"train_split": "train[:5%]"}, "prepared data has only train, validation"),
        ({"eval_split": "train"}, "overlap"),
    ],
)
def test_keys_that_cannot_be(keys, message):
    data = Source(**{"dataset_name": "prepared", "data_path": "a", **keys})
    assert any(message in problem for problem in data.problems()), data.problems()
    assert Source(dataset_name="prepared", data_path="a").problems() == []
    alone = Source(dataset_name="text_files", data_path="a", data_weights="1")
    assert "needs dataset_name=prepared" in alone.problems()[0]


def run_tokenizer(config, folder, workdir):
    return feeding.run_tokenizer(config, source(folder), str(workdir), WINDOWS)


def test_a_run_has_the_tokenizer_of_its_data(folder, tokenizer, tmp_path):
    config = dataclasses.replace(CONFIG, vocab_size=999)
    assert run_tokenizer(config, folder, tmp_path).files == tokenizer.files
    assert config.load(str(tmp_path)).files == tokenizer.files
    assert run_tokenizer(config, folder, tmp_path).files == tokenizer.files


def test_another_tokenizer_is_refused_and_both_are_named(folder, tmp_path):
    smaller = dataclasses.replace(CONFIG, vocab_size=555)
    smaller.train(LINES, str(tmp_path))
    with pytest.raises(UserError) as caught:
        run_tokenizer(smaller, folder, tmp_path)
    assert str(folder / "whole") in str(caught.value)
    assert str(tmp_path / "sentencepiece_model") in str(caught.value)
    from transformer_lm.tokenizers import TOKENIZERS

    with pytest.raises(UserError, match="sentencepiece, the run's is character"):
        run_tokenizer(TOKENIZERS["character"](), folder, tmp_path)
