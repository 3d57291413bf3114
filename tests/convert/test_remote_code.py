"""The code that is put beside models which transformers has no class for."""

import ast
import dataclasses
from pathlib import Path

import numpy as np
import pytest

from transformer_lm.convert import CONVERSIONS, remote_code
from transformer_lm.convert.param_map import to_ours, to_theirs
from transformer_lm.models.layers import padded_vocab_size
from transformer_lm.models.transformer_lm import TransformerLMConfig
from transformer_lm.registry import UserError

WRAPPERS = remote_code.WRAPPERS
NETWORK_FILES = {
    *("attention.py", "attention_choice.py", "attention_kernels.py"),
    *("checks.py", "dropout.py", "layers.py", "table_scores.py", "transformer_lm.py"),
}


def tree_of(path):
    return ast.parse(path.read_text())


def test_the_folder_holds_the_wrappers_and_the_training_network(tmp_path):
    files = remote_code.write_remote_code("transformer_lm", tmp_path)
    own = {path.name for path in (WRAPPERS / "transformer_lm").glob("*.py")}
    assert set(files) == own | NETWORK_FILES == {p.name for p in tmp_path.iterdir()}
    models = remote_code.PACKAGE / "models"
    for name in NETWORK_FILES:
        assert (tmp_path / name).read_bytes() == (models / name).read_bytes()


def test_every_relative_import_is_there_and_flat(tmp_path):
    remote_code.write_remote_code("transformer_lm", tmp_path)
    for path in tmp_path.glob("*.py"):
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.ImportFrom) and node.level:
                assert node.level == 1
                assert (tmp_path / f"{node.module}.py").exists()


def test_entry_files_name_all_that_they_need_themselves(tmp_path):
    remote_code.write_remote_code("transformer_lm", tmp_path)
    entry = tmp_path / "modeling_flax_transformer_lm.py"
    named = set(remote_code.RELATIVE_IMPORT.findall(entry.read_text()))
    needed = {Path(name).stem for name in NETWORK_FILES}
    assert named == needed | {"configuration_transformer_lm"}


@pytest.mark.parametrize("name", ["transformer_lm", "segmented_tokenizer"])
def test_remote_code_imports_nothing_of_ours(name, tmp_path):
    for file in remote_code.write_remote_code(name, tmp_path):
        for node in ast.walk(tree_of(tmp_path / file)):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            assert not any(name.split(".")[0] == "transformer_lm" for name in names)


def test_the_configuration_has_the_fields_and_defaults_of_training():
    (cls,) = (
        node
        for node in tree_of(
            WRAPPERS / "transformer_lm" / "configuration_transformer_lm.py"
        ).body
        if isinstance(node, ast.ClassDef)
    )
    (init,) = (n for n in cls.body if isinstance(n, ast.FunctionDef))
    names = [argument.arg for argument in init.args.args[1:]]
    defaults = [ast.literal_eval(default) for default in init.args.defaults]
    given = dict(zip(names, defaults, strict=True))
    assert (given.pop("vocab_size"), given.pop("use_cache")) == (30_000, True)
    fields = dataclasses.fields(TransformerLMConfig)
    expected = {field.name: field.default for field in fields}
    # How attention is computed is no property of a model.
    assert expected.pop("attention") == "auto"
    assert given == expected


def test_an_installation_without_the_code_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(remote_code, "WRAPPERS", tmp_path)
    with pytest.raises(UserError, match="holds no code"):
        remote_code.write_remote_code("transformer_lm", tmp_path)


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("position_encoding", ["sinusoidal", "learned"])
def test_parameters_and_config_go_both_ways(tied, position_encoding):
    config = TransformerLMConfig(
        num_layers=2,
        emb_dim=6,
        num_heads=2,
        qkv_dim=8,
        mlp_dim=10,
        logits_via_embedding=tied,
        position_encoding=position_encoding,
        max_position_embeddings=9 if position_encoding == "learned" else None,
    )
    conversion = CONVERSIONS["transformer_lm"]
    maps = conversion.param_maps(config, 130, {})
    rng = np.random.default_rng(0)
    sizes = {
        "model.token_embedding.weight": (130, 6),
        "model.position_embedding.weight": (9, 6),
        "head.weight": (130, 6),
        "head.bias": (130,),
    }

    def shape(entry):
        if entry.theirs in sizes:
            return sizes[entry.theirs]
        if "norm" in entry.theirs:
            return (6,)
        inner = 10 if "feed_forward" in entry.theirs else 8
        if entry.theirs.endswith("bias"):
            return (10,) if "expand" in entry.theirs else (6,)
        grows = any(n in entry.theirs for n in ("expand", "query", "key", "value"))
        return (inner, 6) if grows else (6, inner)

    state = {e.theirs: rng.normal(size=shape(e)) for e in maps[""].entries}
    ours = to_ours(maps, {"": state})
    assert ours["token_embedding"]["embedding"].shape == (padded_vocab_size(130), 6)
    assert ("head" in ours) != tied
    assert ours["stack"]["layer_1"]["attention"]["query"]["kernel"].shape == (6, 2, 4)
    back = to_theirs(maps, ours)[""]
    assert back.keys() == state.keys()
    for name, array in state.items():
        np.testing.assert_array_equal(back[name], array)
    values = conversion.hf_configs(config, 130, 9, {"bos_token_id": 1})
    assert conversion.from_hf_configs(values) == config
