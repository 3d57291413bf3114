"""Folders of prepared data, and positions in them, that were tampered with."""

import json
import random

import numpy as np
import pytest

from tests.fuzz import data_targets
from transformer_lm.data.manifest import FILE, read_manifest
from transformer_lm.data.position import Position, from_bytes, to_bytes
from transformer_lm.data.row_stream import RowStream
from transformer_lm.data.shards import ShardReader, TokenizedRecord, write_shard
from transformer_lm.data.tokenizer_facts import load_beside
from transformer_lm.registry import UserError

SHARD = "train-00000-of-00001"
FLAGS = (True, True)
"""A record that begins and ends its document."""


@pytest.fixture
def folder(tmp_path):
    """A sound folder."""
    made = tmp_path / "prepared"
    made.mkdir()
    data_targets.read_prepared(data_targets.manifest(), made)
    (made / f"{SHARD}.index.npy").touch()
    return made


def changed(folder, change):
    values = json.loads((folder / FILE).read_text())
    change(values)
    (folder / FILE).write_text(json.dumps(values))


@pytest.mark.parametrize(
    "name", ["../train", "/etc/passwd", "a/b", "..", "a\\b", "a\n"]
)
def test_shards_and_tokenizer_files_lie_in_the_folder(folder, name):
    (folder.parent / "train.array_record").write_bytes(b"")
    changed(folder, lambda v: v["splits"]["train"][0].update(name=name))
    with pytest.raises(UserError, match=r"manifest\.json names .* lie beside it"):
        read_manifest(folder)
    changed(folder, lambda v: v["splits"]["train"][0].update(name=SHARD))
    read_manifest(folder)
    changed(folder, lambda v: v["tokenizer"]["files"].update({name: "0"}))
    with pytest.raises(UserError, match=r"manifest\.json names .* lie beside it"):
        read_manifest(folder)


@pytest.mark.parametrize(
    "name", [f"{SHARD}.array_record", f"{SHARD}.index.npy", "vocab.txt"]
)
def test_links_out_of_the_folder_are_refused(folder, name):
    elsewhere = folder.parent / "elsewhere"
    elsewhere.write_bytes((folder / name).read_bytes())
    (folder / name).unlink()
    (folder / name).symlink_to(elsewhere)
    with pytest.raises(
        UserError, match=rf"{name} is a link to .*elsewhere, which lies"
    ):
        read_manifest(folder)
    (folder / "inside").write_bytes(elsewhere.read_bytes())
    (folder / name).unlink()
    (folder / name).symlink_to("inside")
    read_manifest(folder)


def test_a_tokenizer_that_gives_other_ids_is_refused(folder):
    """Of the same files, by another version of a program or of a dictionary."""
    changed(folder, lambda v: v["tokenizer"].update(probe="0"))
    with pytest.raises(UserError, match="gives other ids than when the data there was"):
        load_beside(folder, read_manifest(folder).tokenizer)


def test_a_shard_that_lacks_a_count_is_refused(folder):
    changed(folder, lambda v: v["splits"]["train"][0]["counts"].pop("tokens"))
    with pytest.raises(UserError, match=rf"damaged: {SHARD} counts \['characters"):
        read_manifest(folder)


def test_another_file_of_the_tokenizer_is_refused(folder):
    (folder / "vocab.txt").write_text(data_targets.VOCABULARY.replace("猫", "犬"))
    with pytest.raises(UserError, match=r"vocab\.txt: missing, or another file than"):
        read_manifest(folder)


def test_the_tokenizer_is_read_from_the_folder_alone(folder):
    """Even if the settings name another file."""
    outside = {"vocab_path": "/etc/passwd"}
    changed(folder, lambda v: v["tokenizer"]["settings"].update(outside))
    loaded = load_beside(folder, read_manifest(folder).tokenizer)
    assert loaded.vocab_size == data_targets.VOCABULARY.count("\n")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"vocab_size": "7"}, "vocab_size is '7' and no int"),
        ({"strange": 1}, "strange is unknown"),
        ({"segmenter": "bogus"}, "bogus"),
    ],
)
def test_settings_of_the_tokenizer_are_checked(folder, settings, message):
    changed(folder, lambda v: v["tokenizer"]["settings"].update(settings))
    with pytest.raises(UserError, match=message):
        load_beside(folder, read_manifest(folder).tokenizer)


def test_an_index_is_never_unpickled(tmp_path):
    """An archive, and an array of objects, would be."""

    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("a pickle was run",))

    np.save(tmp_path / "x.npy", np.array([Trap()], object), allow_pickle=True)
    np.savez(tmp_path / "y.npz", index=np.zeros(3))
    (tmp_path / "y.npz").rename(tmp_path / "y.npy")
    for name in ("x.npy", "y.npy"):
        with pytest.raises(UserError, match="prepared data is damaged"):
            ShardReader([tmp_path / "a.array_record"], [tmp_path / name], "<u2")


def test_a_flipped_byte_of_a_shard_is_refused_or_does_no_harm(tmp_path):
    """Where it does none, it is of the filling between blocks."""
    chooser = random.Random(0)
    data, index = tmp_path / "x.array_record", tmp_path / "x.npy"
    write_shard(
        [
            TokenizedRecord(
                chooser.choices(range(60_000), k=50), [], None, 9, 9, *FLAGS
            )
            for _ in range(200)
        ],
        data,
        index,
        "<u2",
    )

    def ids():
        return ShardReader([data], [index], "<u2").documents(np.arange(200)).ids

    whole, content, refused = ids(), data.read_bytes(), 0
    for _ in range(100):
        harmed = bytearray(content)
        harmed[chooser.randrange(len(content))] ^= 1 << chooser.randrange(8)
        data.write_bytes(harmed)
        try:
            np.testing.assert_array_equal(ids(), whole)
        except UserError:
            refused += 1
    assert refused > 10


def test_an_index_of_other_sizes_is_refused(tmp_path):
    """The sum of both records is right: cut by it, ids would change their document."""
    data, index = tmp_path / "x.array_record", tmp_path / "x.npy"
    records = [TokenizedRecord([7] * size, [], None, 9, 9, *FLAGS) for size in (3, 5)]
    write_shard(records, data, index, "<u2")
    table = np.load(index)
    table["tokens"] = table["tokens"][::-1].copy()
    np.save(index, table)
    with pytest.raises(UserError, match="other sizes than in the index"):
        ShardReader([data], [index], "<u2").documents(np.arange(2))


@pytest.mark.parametrize(
    "change", [lambda table: table[:1], lambda table: np.zeros(2, "<u4")]
)
def test_an_index_of_other_records_is_refused(tmp_path, change):
    data, index = tmp_path / "x.array_record", tmp_path / "x.npy"
    records = [TokenizedRecord([7] * size, [], None, 9, 9, *FLAGS) for size in (3, 5)]
    np.save(index, change(write_shard(records, data, index, "<u2")))
    with pytest.raises(UserError, match=r"2 records, \d in the index"):
        ShardReader([data], [index], "<u2")


@pytest.mark.parametrize("change", [{"row": -1}, {"window": 1 << 70}, {"epoch": -5}])
def test_an_impossible_position_is_refused(change, tmp_path):
    values = json.loads(data_targets.POSITION)
    with pytest.raises(UserError, match="position in the data is damaged"):
        data_targets.go_to(json.dumps({**values, **change}).encode(), tmp_path)


def test_a_position_behind_the_end_of_its_group_is_refused():
    group = {"tokens": np.ones((4, 2), np.int32), "counts": np.arange(9)}
    group |= {"epoch": 0, "window": 0, "group": 0}
    stream = RowStream(lambda position: iter([group]), ["tokens"], "a text")
    stream.go_to(Position(row=5))
    with pytest.raises(UserError, match="row 5 of a group of 4"):
        stream.take(1)


def test_a_position_of_another_shape_is_refused():
    state = to_bytes({"rows": 1}, {})
    with pytest.raises(UserError, match=r"epoch is missing; .*rows is unknown"):
        from_bytes(state, {}, Position)
