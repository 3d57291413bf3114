"""The self-check takes a right export and refuses a broken one, in a fresh process."""

import json

import numpy as np
import pytest
from etils import epath
from safetensors.numpy import load_file, save_file

from transformer_lm.tools import export_parts
from transformer_lm.tools.check_lines import HARD_LINES
from transformer_lm.tools.import_legacy import import_legacy
from transformer_lm.tools.self_check import SelfCheckError, check_export
from transformer_lm.tools.trained_model import open_trained

pytestmark = pytest.mark.hf

LINES = [*HARD_LINES, "昔々あるところに、ABC おじいさんがいました。"]


@pytest.fixture(scope="module")
def exported(runs, tmp_path_factory):
    """(model, its exported folder)."""
    trained = open_trained(str(runs("bert")), dtype="float32")
    folder = epath.Path(tmp_path_factory.mktemp("bert"))
    export_parts.write_model(trained, folder, "float32", ("safetensors",))
    return trained, folder


@pytest.fixture
def restored(exported):
    """The exported folder; whole again after the test."""
    _, folder = exported
    before = {path: path.read_bytes() for path in folder.iterdir()}
    yield folder
    for path, content in before.items():
        path.write_bytes(content)


def check(exported):
    return check_export(*exported, LINES, "pt")


def test_a_right_export_passes(exported):
    found = check(exported)
    assert found.largest_difference < 1e-4
    assert found.num_logits > 1000
    assert found.num_lines == len(LINES)


def test_a_transposed_tensor_is_refused(exported, restored):
    file = restored / "model.safetensors"
    state = load_file(file)
    name = "bert.encoder.layer.0.attention.self.query.weight"
    state[name] = np.ascontiguousarray(state[name].T)
    save_file(state, file, metadata={"format": "pt"})
    with pytest.raises(SelfCheckError) as error:
        check(exported)
    message = str(error.value)
    assert "prediction_logits: " in message
    assert "logits differ by more than 0.0001, at most by" in message
    assert "token ids" not in message


def test_lower_casing_is_refused(exported, restored):
    file = restored / "tokenizer.json"
    values = json.loads(file.read_text())
    values["normalizer"]["normalizers"].insert(0, {"type": "Lowercase"})
    file.write_text(json.dumps(values))
    with pytest.raises(SelfCheckError) as error:
        check(exported)
    assert "token ids (plain) of " in str(error.value)
    assert "logits" not in str(error.value)


def test_shifted_ids_are_refused(exported, restored):
    file = restored / "tokenizer.json"
    values = json.loads(file.read_text())
    vocabulary = values["model"]["vocab"]
    one, other = (
        next(n for n, (piece, _) in enumerate(vocabulary) if piece == wanted)
        for wanted in ("お", "は")
    )
    vocabulary[one], vocabulary[other] = vocabulary[other], vocabulary[one]
    file.write_text(json.dumps(values))
    with pytest.raises(SelfCheckError, match=r"token ids \(special\) of \d+ of"):
        check(exported)


def test_a_wrong_activation_is_refused(exported, restored):
    file = restored / "config.json"
    values = {**json.loads(file.read_text()), "hidden_act": "relu"}
    file.write_text(json.dumps(values))
    with pytest.raises(SelfCheckError, match="logits differ by more than"):
        check(exported)


def test_a_folder_that_does_not_load_is_refused(exported, restored):
    file = restored / "config.json"
    file.write_text('{"model_type": "unheard_of"}')
    with pytest.raises(
        SelfCheckError, match="cannot be loaded with pt; its last words"
    ):
        check(exported)


def test_an_imported_legacy_model_loads_in_flax(fixtures, tiny_settings, tmp_path):
    sizes = {
        "num_layers": 3,
        "emb_dim": 64,
        "num_heads": 4,
        "qkv_dim": 64,
        "mlp_dim": 256,
    }
    legacy, run = fixtures / "legacy_transformer_lm", tmp_path / "run"
    import_legacy(str(legacy), str(run), tiny_settings(**sizes))
    trained = open_trained(str(run), dtype="float32")
    folder = epath.Path(tmp_path / "out")
    folder.mkdir()
    export_parts.write_model(trained, folder, "float32", ("safetensors", "flax"))
    found = check_export(trained, folder, LINES, "flax")
    assert found.num_logits > 1_000_000
