"""Every data set, read from its real format."""

import itertools
import json
import lzma
import re
from pathlib import Path

import numpy as np
import pytest

from tests.data import prepare_tfds
from transformer_lm.data import DATASETS, find_dataset
from transformer_lm.data.datasets.interface import Share
from transformer_lm.data.graph import PythonCalls, import_tensorflow
from transformer_lm.registry import UnknownNameError, UserError

tf = import_tensorflow()
VILLAGE = (Path(__file__).parent / "fishing_village.txt").read_text("utf-8")
LINES = [line for line in VILLAGE.split("\n") if line]
ARTICLE = (
    "\n_START_ARTICLE_\n{0}\n_START_SECTION_\n概要\n_START_PARAGRAPH_\n"
    "{1}_NEWLINE_短い_NEWLINE_{2}\n_START_SECTION_\n歴史\n_START_PARAGRAPH_\n{3}"
)


def share(name, split, **keys) -> Share:
    defaults = {
        "data_dir": None,
        "data_path": None,
        "invalid_utf8": "replace",
        "record_characters": 32_768,
    }
    return Share(name, split, **{**defaults, **keys})


def read(name, split, start=0, **keys) -> list[str]:
    records = find_dataset(name).open(share(name, split, **keys), PythonCalls())
    texts = []
    previous = start - 1
    for record in records.dataset(start).as_numpy_iterator():
        assert record["starts_document"]
        assert record["ends_document"]
        assert record["index"] > previous
        previous = record["index"]
        texts.append(record["text"])
    training_texts = records.preprocess(tf.constant(texts, tf.string)).numpy()
    return [text.decode() for text in training_texts]


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    """A TFDS folder with four data sets."""
    folder = tmp_path_factory.mktemp("tfds")
    articles = [
        {
            "wikidata_id": f"Q{i}",
            "text": ARTICLE.format(f"題{i}", *LINES[i : i + 3]),
            "version_id": str(i),
        }
        for i in range(30)
    ]
    prepare_tfds.prepare(
        folder,
        "wiki40b",
        prepare_tfds.WIKI40B,
        {"train": articles[:20], "validation": articles[20:25], "test": articles[25:]},
        config="ja",
        version="1.3.0",
        num_shards=3,
    )
    sentences = [{"text": f"Sentence number {i} ."} for i in range(100)]
    prepare_tfds.prepare(
        folder,
        "lm1b",
        prepare_tfds.LM1B,
        {"train": sentences[:90], "test": sentences[90:]},
        version="1.1.0",
        num_shards=4,
    )
    lines = [{"id": str(i), "text": f"{i} {LINES[i % 30]}\n"} for i in range(199)]
    lines.insert(7, {"id": "", "text": "\n"})
    prepare_tfds.prepare(folder, "cc100", prepare_tfds.CC100, {"train": lines})
    for version in ("2.0.0", "10.0.0"):
        prepare_tfds.prepare(
            folder,
            "my_texts",
            prepare_tfds.LM1B,
            {"train": [{"text": version}]},
            config="small",
            version=version,
        )
    numbers = {"number": prepare_tfds.tfds.features.Scalar(np.int64)}
    prepare_tfds.prepare(folder, "numbers", numbers, {"train": [{"number": 3}]})
    return str(folder)


def test_wiki40b_gives_the_paragraphs_of_ten_characters_or_more(data_dir):
    expected = []
    for i in range(20, 25):
        paragraphs = [LINES[i], "短い", LINES[i + 1], LINES[i + 2]]
        expected += [text for text in paragraphs if len(text) >= 10]
    assert read("wiki40b/ja", "validation", data_dir=data_dir) == expected
    assert any(len(line) < 10 for line in LINES[20:27])


def test_wiki40b_paragraphs_are_those_of_transformer_lm_japanese(data_dir):
    """Against its own rule, on real text: the line after each mark, split and sifted."""
    text = ARTICLE.format("題", "あ" * 9, "い" * 10, "う\u3000" * 5) + "\n残り"
    lines = text.split("\n")
    after = [b for a, b in itertools.pairwise(lines) if "_START_PARA" in a]
    expected = [p for line in after for p in line.split("_NEWLINE_") if len(p) >= 10]
    records = find_dataset("wiki40b/ja")
    assert [
        p.decode() for p in records.preprocess(tf.constant([text])).numpy()
    ] == expected
    assert expected == ["い" * 10, "う\u3000" * 5]


def test_lm1b_sentences_are_documents(data_dir):
    expected = [f"Sentence number {i} ." for i in range(100)]
    assert read("lm1b", "train", data_dir=data_dir) == expected[:90]
    assert read("lm1b", "test", data_dir=data_dir) == expected[90:]


def test_tfds_sub_splits_mean_what_they_mean_in_tfds(data_dir):
    expected = [f"Sentence number {i} ." for i in range(90)]
    assert read("lm1b", "train[:50%]", data_dir=data_dir) == expected[:45]
    assert read("lm1b", "train[80:]+test[:2]", data_dir=data_dir) == [
        *expected[80:],
        "Sentence number 90 .",
        "Sentence number 91 .",
    ]


@pytest.mark.parametrize("split", ["train", "train[10%:]+test"])
@pytest.mark.parametrize("hosts", [1, 4])
def test_hosts_share_a_tfds_split_and_any_start_is_exact(data_dir, split, hosts):
    everything = read("lm1b", split, data_dir=data_dir)
    parts = []
    for host in range(hosts):
        keys = {"data_dir": data_dir, "process_count": hosts, "process_index": host}
        part = read("lm1b", split, **keys)
        assert abs(len(part) - len(everything) / hosts) < 1
        parts += part
        for start in (9, len(part)):
            assert read("lm1b", split, start=start, **keys) == part[start:]
    assert parts == everything


def test_cc100_of_the_hub_loses_its_newlines_and_empty_lines(data_dir):
    texts = read("huggingface:cc100/lang=ja", "train", data_dir=data_dir)
    assert texts == [f"{i} {LINES[i % 30]}" for i in range(199)]
    default = find_dataset("huggingface:cc100/lang=ja").default_splits
    train, held_out = (
        read("huggingface:cc100/lang=ja", split, data_dir=data_dir) for split in default
    )
    assert train + held_out == texts
    assert len(held_out) == 4


def test_generic_tfds_takes_any_name_and_the_newest_version(data_dir):
    assert read("generic_tfds:my_texts/small", "train", data_dir=data_dir) == ["10.0.0"]
    named = "generic_tfds:my_texts/small:2.0.0"
    assert read(named, "train", data_dir=data_dir) == ["2.0.0"]


def test_a_data_sets_own_folder_will_do(data_dir):
    folder = f"{data_dir}/my_texts/small/2.0.0"
    name = "generic_tfds:my_texts/small"
    assert read(name, "train", data_dir=folder) == ["2.0.0"]
    with pytest.raises(UserError, match=r"lm1b is not prepared in .*2\.0\.0"):
        read("lm1b", "train", data_dir=folder)


def test_the_folder_of_the_environment_is_looked_at(data_dir, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", data_dir)
    assert len(read("lm1b", "test")) == 10


def test_a_data_set_that_is_not_prepared_is_not_downloaded(tmp_path):
    with pytest.raises(UserError) as raised:
        read("wiki40b/ja", "train", data_dir=str(tmp_path))
    message = str(raised.value)
    assert f"{tmp_path}/wiki40b/ja/<version>/dataset_info.json" in message
    assert f"tfds.builder('wiki40b/ja', data_dir='{tmp_path}').download_and_" in message
    assert "\n" not in message


def test_missing_splits_and_features_are_named(data_dir):
    with pytest.raises(
        UserError, match=r"no split 'validation' \(it has .*test.*train"
    ):
        read("lm1b", "validation", data_dir=data_dir)
    with pytest.raises(UserError, match=r"no string feature 'text' \(it has number\)"):
        read("generic_tfds:numbers", "train", data_dir=data_dir)


def test_cc100_reads_its_own_file(tmp_path):
    path = tmp_path / "ja.txt.xz"
    path.write_bytes(lzma.compress(VILLAGE.encode()))
    expected = re.split(r"\n\n", VILLAGE.strip())
    assert read("cc100/ja", "train", data_path=str(path)) == expected


@pytest.mark.parametrize("hosts", [1, 3])
def test_hosts_and_sub_splits_share_files(tmp_path, hosts):
    path = tmp_path / "many.jsonl"
    texts = [f"文書{i}" for i in range(1000)]
    path.write_text("\n".join(json.dumps({"text": text}) for text in texts))
    found = []
    for split in ("train[:90%]", "train[90%:]"):
        for host in range(hosts):
            keys = {"data_path": str(path), "process_count": hosts}
            part = read("text_files", split, process_index=host, **keys)
            assert len(part) > 20
            found += part
            index = int(part[17].removeprefix("文書"))
            keys["process_index"] = host
            assert read("text_files", split, start=index, **keys) == part[17:]
            assert read("text_files", split, start=index + 1, **keys) == part[18:]
    assert sorted(found) == sorted(texts)


def test_the_quickstart_is_the_same_in_every_order():
    train = read("quickstart", "train[:1%]")
    assert abs(len(train) - 400) <= 1
    validation = read("quickstart", "validation")
    assert len(validation) == len(set(validation)) == 1000
    assert not set(train) & set(validation)
    assert read("quickstart", "validation", start=700) == validation[700:]
    from transformer_lm.corpora.everyday import generate

    assert validation[700] == generate(700, "validation", 0).text


@pytest.mark.parametrize("name", DATASETS)
def test_every_entry_says_how_it_is_read(name):
    entry = find_dataset(f"{name}:any" if name == "generic_tfds" else name)
    assert entry.reads in ("data_dir", "data_path", None)
    for split in entry.default_splits:
        assert entry.split_problems("train_split", split) == []


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(UnknownNameError, match=r"Did you mean 'text_files'.*lm1b"):
        find_dataset("textfiles")
