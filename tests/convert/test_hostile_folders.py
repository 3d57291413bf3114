"""Folders of other programs that were made to harm: nothing of them is ever run."""

import json
import pickle
import struct

import numpy as np
import pytest
from etils import epath
from flax import serialization
from safetensors import numpy as safetensors

from tests.fuzz import model_targets
from transformer_lm.convert import CONVERSIONS
from transformer_lm.convert.hf_folder import read_arrays, read_configs
from transformer_lm.convert.legacy import read_legacy_checkpoint
from transformer_lm.convert.safetensors_files import read_safetensors
from transformer_lm.registry import UserError
from transformer_lm.tools.trained_model import EXPORTED_SETTINGS, open_trained


@pytest.mark.parametrize("name", ["../a.safetensors", "/a.safetensors", "b/../../a"])
def test_parts_lie_in_the_folder(tmp_path, name):
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "a.safetensors").write_bytes(model_targets.WEIGHTS)
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a": name}}))
    with pytest.raises(UserError, match=r"index\.json names .* lie beside it"):
        read_arrays(epath.Path(folder))


def test_parts_may_be_links_as_in_the_cache_of_the_hub(tmp_path):
    folder = tmp_path / "snapshots"
    folder.mkdir()
    (tmp_path / "blob").write_bytes(model_targets.WEIGHTS)
    (folder / "model.safetensors").symlink_to("../blob")
    assert read_arrays(epath.Path(folder)).keys() == {"a", "b"}


@pytest.mark.parametrize("length", [0, 100_000_001, 1 << 62, 10_000])
def test_the_length_of_a_header_is_checked_before_it_is_read(
    tmp_path, length, monkeypatch
):
    def load_file(name):
        pytest.fail("the library was asked to read it")

    monkeypatch.setattr("transformer_lm.convert.safetensors_files.load_file", load_file)
    file = epath.Path(tmp_path / "x.safetensors")
    file.write_bytes(struct.pack("<Q", length) + b"{}" * 100)
    with pytest.raises(UserError, match=r"x\.safetensors is no safetensors file"):
        read_safetensors(file)


def test_arrays_larger_than_the_file_are_refused(tmp_path):
    content = safetensors.save({"a": np.zeros(4, np.float32)})
    larger = content.replace(b'"shape":[4]', b'"shape":[9]')
    assert larger != content
    file = epath.Path(tmp_path / "x.safetensors")
    file.write_bytes(larger)
    with pytest.raises(UserError, match=r"x\.safetensors cannot be read"):
        read_safetensors(file)


def test_no_code_and_no_pickle_of_a_folder_is_run(tmp_path, monkeypatch):
    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("a pickle was run",))

    trap = "raise SystemExit('code of the folder was run')\n"
    config = json.loads(model_targets.BERT)
    config["auto_map"] = {"AutoConfig": "evil.Config", "AutoModel": "evil.Model"}
    (tmp_path / "config.json").write_text(json.dumps(config))
    for name in ("evil.py", "modeling_bert.py", "__init__.py", "setup.py"):
        (tmp_path / name).write_text(trap)
    (tmp_path / "pytorch_model.bin").write_bytes(pickle.dumps(Trap()))
    (tmp_path / "checkpoint_1").write_bytes(pickle.dumps(Trap()))
    monkeypatch.chdir(tmp_path)
    given = read_configs(str(tmp_path), "bert")
    assert CONVERSIONS["bert"].from_hf_configs(given).emb_dim == 8
    with pytest.raises(UserError, match=r"holds no model\.safetensors"):
        read_arrays(epath.Path(tmp_path))
    with pytest.raises(UserError, match="no Flax msgpack checkpoint"):
        read_legacy_checkpoint(tmp_path / "checkpoint_1")


def test_a_message_does_not_hold_what_a_damaged_checkpoint_holds(tmp_path):
    tree = {"params": {"decoder": {"kernel": np.ones((64, 64), np.float32)}}}
    content = serialization.msgpack_serialize(tree)
    (tmp_path / "checkpoint_1").write_bytes(content + b"more")
    with pytest.raises(UserError, match="no Flax msgpack checkpoint") as raised:
        read_legacy_checkpoint(tmp_path / "checkpoint_1")
    assert len(str(raised.value)) < 200 + len(str(tmp_path))


@pytest.mark.parametrize("name", ["../vocab.txt", "/etc/passwd", "a/../../vocab.txt"])
def test_the_vocabulary_of_an_export_lies_in_it(tmp_path, name):
    values = {"step": 1, "settings": {"vocab_path": name}}
    (tmp_path / EXPORTED_SETTINGS).write_text(json.dumps(values))
    with pytest.raises(UserError, match=r"settings\.json names .* lie beside it"):
        open_trained(str(tmp_path))


def test_a_legacy_checkpoint_of_other_things_is_refused(tmp_path):
    for tree in ({}, {"params": 3}, {"params": {"decoder": {"Embed_0": "text"}}}):
        from flax import serialization

        file = tmp_path / "checkpoint_1"
        file.write_bytes(serialization.msgpack_serialize(tree))
        with pytest.raises(UserError, match="checkpoint_1"):
            read_legacy_checkpoint(file)
