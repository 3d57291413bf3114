"""Parameters of other runs and of folders as transformers writes them."""

import dataclasses
import json
import re
from pathlib import Path

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest
from flax import linen as nn
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer, models

from transformer_lm.checkpoint import CheckpointStore
from transformer_lm.convert import CONVERSIONS
from transformer_lm.convert.param_map import ParamMapError, to_theirs
from transformer_lm.convert.paths import flatten
from transformer_lm.convert.vocabulary_files import FILES, sentencepiece_pieces
from transformer_lm.registry import UserError
from transformer_lm.tokenizers.sentencepiece import SentencePieceConfig
from transformer_lm.train.state import TrainState
from transformer_lm.train.warm_start import warm_start
from transformer_lm.train.workdir import write_settings

LINES = (Path(__file__).parents[1] / "data" / "fishing_village.txt").read_text("utf-8")
OPTIONS = "--character_coverage=0.98 --byte_fallback=true"
FAMILIES = [name for name in CONVERSIONS if name != "transformer_lm"]
IDS = {"pad_token_id": 3}


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory):
    """Folder of two SentencePiece models."""
    folder = tmp_path_factory.mktemp("vocabulary")
    for size in (560, 570):
        path = str(folder / f"{size}.model")
        config = SentencePieceConfig(
            vocab_path=path, vocab_size=size, spm_train_options=OPTIONS
        )
        config.train([LINES], str(folder))
    return folder


def state_of(settings, seed, vocab_size=560):
    """A state of random parameters; nothing is compiled."""
    model = settings.build_model(vocab_size)
    row = jax.ShapeDtypeStruct((1, settings.max_length), np.int32)
    inputs = dict.fromkeys(settings.model.inputs, row)
    shapes = jax.eval_shape(model.init, jax.random.key(0), **inputs)["params"]
    draw = np.random.default_rng(seed)
    parameters = jax.tree.map(
        lambda leaf: jnp.asarray(draw.normal(size=leaf.shape), jnp.float32),
        nn.unbox(shapes),
    )
    zero = jnp.zeros((), jnp.int32)
    return TrainState(
        step=zero,
        rng=jax.random.key_data(jax.random.key(0)),
        parameters=parameters,
        optimizer={"mean": zero},
    )


class Folder:
    """A tiny network of a family, and the folder that transformers would write."""

    def __init__(self, family, tiny_settings, vocabulary, path, **keys):
        self.path = path / "folder"
        self.settings = tiny_settings(
            family,
            num_layers=1,
            vocab_path=f"{vocabulary}/560.model",
            init_from=f"hf:{self.path}",
            **keys,
        )
        self.state = state_of(self.settings, seed=1)
        config, vocab_size = self.settings.model, 560
        length = self.settings.max_length
        conversion = CONVERSIONS[family]
        configs = conversion.hf_configs(config, vocab_size, length, IDS)
        maps = conversion.param_maps(config, vocab_size, IDS)
        states = to_theirs(maps, self.state.parameters)
        for name, values in configs.items():
            (self.path / name).mkdir(parents=True)
            (self.path / name / "config.json").write_text(json.dumps(values))
            self.save(states[name], name)
        model = (vocabulary / "560.model").read_bytes()
        (self.path / "spiece.model").write_bytes(model)

    def arrays(self, name=""):
        return load_file(self.path / name / "model.safetensors")

    def save(self, arrays, name=""):
        arrays = {key: np.ascontiguousarray(array) for key, array in arrays.items()}
        save_file(arrays, self.path / name / "model.safetensors")

    def change_config(self, name="", **values):
        file = self.path / name / "config.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | values))

    def load(self, settings=None):
        settings = settings or self.settings
        fresh = state_of(settings, seed=2)
        loaded = warm_start(settings, str(self.path.parent), 560, fresh)
        return flatten(loaded.parameters), flatten(fresh.parameters)


@pytest.fixture
def make(tiny_settings, vocabulary, tmp_path):
    return lambda family, **keys: Folder(
        family, tiny_settings, vocabulary, tmp_path, **keys
    )


def assert_taken_over(loaded, folder, besides=()):
    given = flatten(folder.state.parameters)
    assert loaded.keys() == given.keys()
    for path, array in given.items():
        if path not in besides:
            rows = 560 if array.shape[0] == 640 else None
            np.testing.assert_array_equal(
                loaded[path][:rows], array[:rows], err_msg=path
            )


@pytest.mark.parametrize("scan_layers", [False, True])
@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_begins_from_a_folder(family, scan_layers, make):
    folder = make(family, scan_layers=scan_layers)
    loaded, _ = folder.load()
    assert_taken_over(loaded, folder)


def test_the_moving_average_begins_there_too(make):
    folder = make("bert", ema_decay=0.9)
    fresh = dataclasses.replace(
        state_of(folder.settings, 2), average=state_of(folder.settings, 3).parameters
    )
    state = warm_start(folder.settings, "", 560, fresh)
    jax.tree.map(np.testing.assert_array_equal, state.average, state.parameters)
    assert int(state.step) == 0


def test_parts_and_narrow_types_are_read(make):
    folder = make("bert")
    arrays = folder.arrays()
    (folder.path / "model.safetensors").unlink()
    names = sorted(arrays)
    halves = {"a.safetensors": names[::2], "b.safetensors": names[1::2]}
    for file, part in halves.items():
        narrow = {name: arrays[name].astype(ml_dtypes.bfloat16) for name in part}
        save_file(narrow, folder.path / file)
    where = {name: file for file, part in halves.items() for name in part}
    index = folder.path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": where}))
    loaded, _ = folder.load()
    given = flatten(folder.state.parameters)
    kernel = "stack/layer_0/attention/out/kernel"
    expected = given[kernel].astype(ml_dtypes.bfloat16).astype(np.float32)
    np.testing.assert_array_equal(loaded[kernel], expected)
    assert loaded[kernel].dtype == np.float32
    (folder.path / "b.safetensors").unlink()
    with pytest.raises(UserError, match="a part of it is missing"):
        folder.load()


def test_all_differences_come_at_once(make, tiny_settings, vocabulary):
    folder = make("bert")
    other = tiny_settings(
        "bert",
        num_layers=3,
        num_heads=4,
        dropout_rate=0.4,
        vocab_path=f"{vocabulary}/570.model",
        init_from=folder.settings.training.init_from,
    )
    with pytest.raises(UserError) as error:
        warm_start(other, "", 570, state_of(other, 2, 570))
    lines = str(error.value).splitlines()
    assert "num_layers=3 in the config, 1 in the folder" in lines[1]
    assert "num_heads=4 in the config, 2 in the folder" in lines[2]
    assert "570 tokens in this run's vocabulary, vocab_size=560" in lines[3]
    assert "570 pieces in" in lines[4]
    assert "piece" in lines[5]
    assert f"set vocab_path={folder.path}/spiece.model" in lines[-1]
    assert "dropout" not in str(error.value)


def test_the_sizes_of_both_electras_are_compared(make):
    folder = make("electra")
    narrow = dataclasses.replace(
        folder.settings.model, num_heads=4, generator_size=0.25
    )
    settings = dataclasses.replace(folder.settings, model=narrow)
    with pytest.raises(UserError) as error:
        folder.load(settings)
    assert "num_heads=4 in the config, 2 in the folder" in str(error.value)
    assert "the generator's mlp_dim=16 in the config, 32" in str(error.value)
    (folder.path / "generator" / "config.json").unlink()
    with pytest.raises(
        UserError, match=r"generator/config\.json does not exist"
    ) as error:
        folder.load()
    assert f"Needed: {folder.path}/generator/" in str(error.value)


def test_a_folder_of_another_family_is_refused(make):
    folder = make("bert")
    folder.change_config(model_type="roberta")
    with pytest.raises(UserError, match="model_type 'roberta', not 'bert'"):
        folder.load()


def test_rows_behind_the_vocabulary_are_left_out(make):
    folder = make("bert")
    arrays = folder.arrays()
    for name, array in arrays.items():
        if array.shape[0] == 560:
            widths = [(0, 8)] + [(0, 0)] * (array.ndim - 1)
            arrays[name] = np.pad(array, widths, constant_values=7.0)
    folder.save(arrays)
    folder.change_config(vocab_size=568)
    loaded, _ = folder.load()
    assert_taken_over(loaded, folder)
    assert not loaded["embeddings/word/embedding"][560:].any()
    (folder.path / "spiece.model").unlink()
    with pytest.raises(UserError, match="vocab_size=568 in the folder"):
        folder.load()


def test_heads_may_be_missing_and_others_left_over(make, caplog):
    folder = make("bert")
    arrays = folder.arrays()
    heads = [name for name in arrays if "pooler" in name or "seq_relationship" in name]
    kept = {name: array for name, array in arrays.items() if name not in heads}
    folder.save({**kept, "classifier.weight": np.ones((3, 32), np.float32)})
    loaded, fresh = folder.load()
    heads_of_ours = [path for path in fresh if path.startswith(("pooler", "pair_head"))]
    assert_taken_over(loaded, folder, besides=heads_of_ours)
    assert len(heads_of_ours) == len(heads) == 4
    for path in heads_of_ours:
        np.testing.assert_array_equal(loaded[path], fresh[path])
    assert "cls.seq_relationship.weight" in caplog.text
    assert "left out: classifier.weight" in caplog.text


@pytest.mark.parametrize("change", ["more", "fewer"])
def test_blocks_must_be_whole(make, change):
    folder = make("bert")
    arrays = folder.arrays()
    name = "bert.encoder.layer.0.output.dense.weight"
    if change == "more":
        arrays[name.replace("dense", "gate")] = arrays[name]
    else:
        del arrays[name]
    folder.save(arrays)
    with pytest.raises(ParamMapError, match=r"layer\.0\.output\.(gate|dense)\.weight"):
        folder.load()


def test_a_body_without_its_beginning_is_known(make):
    """GPT2Model and BertModel write names without `transformer.` and `bert.`."""
    folder = make("gpt2")
    arrays = folder.arrays()
    folder.save({name.removeprefix("transformer."): a for name, a in arrays.items()})
    loaded, _ = folder.load()
    assert_taken_over(loaded, folder)


def test_only_old_weights_say_what_to_do(make):
    folder = make("gpt2")
    (folder.path / "model.safetensors").rename(folder.path / "pytorch_model.bin")
    with pytest.raises(UserError, match="save_pretrained, which writes that file"):
        folder.load()
    (folder.path / "model.safetensors").write_bytes(b"torn")
    with pytest.raises(UserError, match="is cut short"):
        folder.load()


@pytest.mark.parametrize("kind", list(FILES))
def test_every_kind_of_vocabulary_is_compared(make, kind, vocabulary):
    folder = make("gpt2")
    (folder.path / "spiece.model").unlink()
    pieces = sentencepiece_pieces((vocabulary / "560.model").read_bytes())

    def write(pieces):
        if kind == "tokenizer.json":
            table = {piece: number for number, piece in enumerate(pieces)}
            model = models.WordLevel(table, unk_token=pieces[0])
            Tokenizer(model).save(str(folder.path / kind))
        else:
            (folder.path / kind).write_text("\n".join(pieces) + "\n", "utf-8")

    if kind in ("vocab.txt", "tokenizer.json"):
        write(pieces)
        assert_taken_over(folder.load()[0], folder)
        pieces[7], pieces[9] = pieces[9], pieces[7]
        write(pieces)
        message = (
            f"piece 7 is .* in theirs\n.*piece 9 is (.*\n)+.*set vocab_path=.*{kind}"
        )
    else:
        (folder.path / kind).write_bytes((vocabulary / "560.model").read_bytes())
        assert_taken_over(folder.load()[0], folder)
        (folder.path / kind).write_bytes((vocabulary / "570.model").read_bytes())
        message = r"560 pieces in .*, 570 in theirs"
    with pytest.raises(UserError, match=message):
        folder.load()
    (folder.path / kind).write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match=f"cannot be read as a {re.escape(kind)}"):
        folder.load()


@pytest.mark.parametrize("offset", [0, 1, 4])
def test_positions_of_roberta_come_back_from_where_an_export_moves_them(make, offset):
    folder = make("roberta", position_offset=offset)
    loaded, _ = folder.load()
    assert_taken_over(loaded, folder)


def test_positions_of_rinnas_roberta_are_taken_as_they_stand(make, caplog):
    """Its config.json does not say that positions begin at row 0."""
    folder = make("roberta", position_offset=4)
    model = dataclasses.replace(folder.settings.model, position_offset=0)
    model = dataclasses.replace(model, max_position_embeddings=68)
    loaded, _ = folder.load(dataclasses.replace(folder.settings, model=model))
    assert_taken_over(loaded, folder)
    assert "position_offset=0: the folder's table of positions" in caplog.text
    other = dataclasses.replace(folder.settings.model, position_offset=2)
    with pytest.raises(UserError, match="position_offset=2 in the config, 4 in the"):
        folder.load(dataclasses.replace(folder.settings, model=other))


@pytest.mark.parametrize("family", ["bert", "gpt2"])
def test_tables_of_positions_grow_and_never_shrink(make, family, caplog):
    folder = make(family)
    windows = dataclasses.replace(folder.settings.windows, max_target_length=100)
    longer = dataclasses.replace(folder.settings, windows=windows)
    loaded, fresh = folder.load(longer)
    (table,) = (path for path in loaded if "position" in path)
    assert_taken_over({**loaded, table: loaded[table][:64]}, folder)
    np.testing.assert_array_equal(loaded[table][64:], fresh[table][64:])
    assert f"{table} (64 of 100 rows)" in caplog.text
    windows = dataclasses.replace(
        windows, max_target_length=32, max_eval_target_length=32
    )
    shorter = dataclasses.replace(folder.settings, windows=windows)
    with pytest.raises(UserError, match="set max_position_embeddings=64"):
        folder.load(shorter)


@pytest.fixture
def finished_run(tiny_settings, vocabulary, tmp_path):
    settings = tiny_settings("bert", num_layers=1, vocab_path=f"{vocabulary}/560.model")
    state = state_of(settings, seed=1)
    store = CheckpointStore(str(tmp_path / "stage_1"))
    store.save(7, state, b"", settings.flat(), {})
    store.close()
    write_settings(tmp_path / "stage_1", settings)
    return tmp_path / "stage_1", state, settings


def test_a_second_stage_with_longer_rows_takes_all_over(finished_run, caplog):
    folder, state, settings = finished_run
    second = dataclasses.replace(
        settings,
        training=dataclasses.replace(settings.training, init_from=str(folder)),
        windows=dataclasses.replace(settings.windows, max_target_length=128),
    )
    fresh = state_of(second, seed=2)
    loaded = flatten(warm_start(second, "", 560, fresh).parameters)
    given, begun = flatten(state.parameters), flatten(fresh.parameters)
    table = "embeddings/position/embedding"
    assert given[table].shape[0] == 64
    for path, array in given.items():
        np.testing.assert_array_equal(loaded[path][: len(array)], array, err_msg=path)
    np.testing.assert_array_equal(loaded[table][64:], begun[table][64:])
    assert f"{table} (64 of 128 rows)" in caplog.text


def test_a_run_with_another_vocabulary_is_refused(finished_run, vocabulary):
    folder, _, settings = finished_run
    other = dataclasses.replace(
        settings,
        training=dataclasses.replace(settings.training, init_from=str(folder)),
        tokenizer=dataclasses.replace(
            settings.tokenizer, vocab_path=f"{vocabulary}/570.model"
        ),
    )
    with pytest.raises(UserError, match=r"set vocab_path=.*560\.model"):
        warm_start(other, "", 570, state_of(other, 2, 570))


def test_another_network_or_none_is_refused(finished_run, tiny_settings, tmp_path):
    """Also one that has the same arrays, but computes something else."""
    folder, _, settings = finished_run
    start = dataclasses.replace(settings.training, init_from=str(folder))

    def refused(message, training=start, **fields):
        model = dataclasses.replace(settings.model, **fields)
        other = dataclasses.replace(settings, training=training, model=model)
        with pytest.raises(UserError, match=message):
            warm_start(other, "", 560, state_of(other, 2))

    refused("num_layers=2 in the config, 1 in the folder", num_layers=2)
    refused("activation='relu' in the config, 'gelu' in the", activation="relu")
    empty = dataclasses.replace(start, init_from=str(tmp_path / "nothing"))
    refused("not the work folder of a run", training=empty)
    roberta = dataclasses.replace(
        settings, training=start, model=tiny_settings("roberta").model
    )
    with pytest.raises(UserError, match="has a RobertaConfig, the folder a BertConfig"):
        warm_start(roberta, "", 560, state_of(roberta, 2))
