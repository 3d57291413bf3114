"""What `Source` refuses before anything is opened, and what it chooses."""

import subprocess
import sys

import pytest

from transformer_lm.data.source import Source
from transformer_lm.data.windows import Windows


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"dataset_name": "wiki40b/jp"}, "unknown dataset 'wiki40b/jp'. Did you mean"),
        ({"dataset_name": "wiki40b/jp"}, "feature 'text': generic_tfds:<its name>"),
        ({"dataset_name": "generic_tfds"}, "lacks the name of a TFDS data set"),
        ({"eval_dataset_name": "lm2b"}, "unknown dataset 'lm2b'"),
        ({"dataset_name": "text_files"}, "'text_files' needs files: set data_path"),
        ({"dataset_name": "cc100/ja"}, "'cc100/ja' needs files: set data_path"),
        ({"data_path": "a.txt"}, "data_path='a.txt' is not read by dataset_name="),
        ({"data_dir": "/d"}, "data_dir='/d' is not read by dataset_name='quickstart'"),
        ({"eval_data_path": "a"}, "is not read by 'quickstart'; set eval_dataset_name"),
        ({"train_split": "training"}, "the data set has only train and validation"),
        ({"train_split": "train[:98]"}, "train_split: 'train[:98]' is no sub-split"),
        ({"dataset_name": "lm1b", "eval_split": "test[0.1:]"}, "is no TFDS split"),
        ({"shuffle_buffer_size": 0}, "shuffle_buffer_size=0 must be at least 1"),
        ({"invalid_utf8": "ignore"}, "invalid_utf8='ignore' must be 'replace' or"),
        (
            {"dataset_name": "text_files", "data_path": "a", "train_split": "train"},
            "training on train and holding out train[90%:] of the same text overlap",
        ),
    ],
)
def test_problems_say_what_to_do(keys, message):
    (problem,) = Source(**keys).problems()
    assert message in problem


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"dataset_name": "lm1b"},
        {"dataset_name": "huggingface:cc100/lang=ja", "data_dir": "gs://b/tfds"},
        {"dataset_name": "generic_tfds:mine/small", "eval_split": "test"},
        {"dataset_name": "text_files", "data_path": "*.txt"},
        {"dataset_name": "cc100/ja", "data_path": "ja.txt.xz"},
        {"dataset_name": "lm1b", "eval_dataset_name": "text_files", "data_path": "a"},
        {"eval_dataset_name": "text_files", "eval_data_path": "a"},
    ],
)
def test_sound_sources_have_no_problems(keys):
    assert Source(**keys).problems() == []


def test_defaults_are_the_data_sets_own():
    def splits(**keys):
        source = Source(**keys)
        return source.training().split, source.evaluation().split

    assert splits() == ("train", "validation")
    assert splits(dataset_name="lm1b") == ("train", "test")
    assert splits(dataset_name="wiki40b/ja") == ("train", "validation")
    assert splits(dataset_name="cc100/ja") == ("train[:98%]", "train[98%:]")
    hub = "huggingface:cc100/lang=ja"
    assert splits(dataset_name=hub) == ("train[:98%]", "train[98%:]")
    files = {"dataset_name": "text_files", "data_path": "a"}
    assert splits(**files) == ("train[:90%]", "train[90%:]")
    assert splits(**files, eval_data_path="b") == ("train", "train")
    assert splits(**files, train_split="train[:5%]") == ("train[:5%]", "train[90%:]")


def test_held_out_files_are_read_for_evaluation_alone():
    source = Source(dataset_name="text_files", data_path="a", eval_data_path="b")
    assert source.training().data_path == "a"
    assert source.evaluation().data_path == "b"


def test_windows_are_checked():
    assert Windows().problems() == []
    problems = Windows(1, 0, "cut").problems()  # type: ignore[arg-type]
    assert [problem.split(" must be")[0] for problem in problems] == [
        "max_target_length=1",
        "max_eval_target_length=0",
        "long_documents='cut'",
    ]


def test_settings_are_checked_without_tensorflow():
    code = """
import sys
sys.modules["tensorflow"] = sys.modules["tensorflow_datasets"] = None
sys.modules["tensorflow_text"] = None
from transformer_lm.data import DATASETS, find_dataset
from transformer_lm.data.source import Source
from transformer_lm.data.windows import Windows
from transformer_lm.tokenizers.interface import Tokenizer
from transformer_lm.tokenizers.sentencepiece import SentencePieceConfig
for name in DATASETS:
    Source(dataset_name=name if name != "generic_tfds" else name + ":x").problems()
Windows().problems(), SentencePieceConfig().problems()
from transformer_lm.data.graph import import_tensorflow
from transformer_lm.registry import UserError
try:
    import_tensorflow()
except UserError as error:
    print(error)
"""
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert "streaming text needs TensorFlow" in result.stdout
