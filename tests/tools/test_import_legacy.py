import json

import numpy as np
import pytest

from transformer_lm.registry import UserError
from transformer_lm.tools.import_legacy import import_legacy
from transformer_lm.tools.trained_model import open_trained

SIZES = {"num_layers": 3, "emb_dim": 64, "num_heads": 4, "qkv_dim": 64, "mlp_dim": 256}


@pytest.fixture(scope="module")
def legacy(fixtures):
    return fixtures / "legacy_transformer_lm"


@pytest.fixture(scope="module", params=[False, True], ids=["unrolled", "scanned"])
def imported(legacy, tiny_settings, tmp_path_factory, request):
    folder = tmp_path_factory.mktemp("imported") / "run"
    settings = tiny_settings(**SIZES, scan_layers=request.param, ema_decay=0.9)
    assert import_legacy(str(legacy), str(folder), settings) == 120
    return folder


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("with_start_mark", [False, True])
def test_logits_are_those_of_the_legacy_program(
    imported, legacy, packed, with_start_mark
):
    """Its rows begin with id 0, ours with bos; the imported network takes both."""
    trained = open_trained(str(imported))
    arrays = np.load(legacy / "reference.npz")
    prefix = "packed_" if packed else ""
    targets = arrays[f"{prefix}inputs"]
    if packed:
        segments = arrays["packed_segmentation"]
        positions = arrays["packed_positions"]
    else:
        segments = (targets > 0).astype(np.int32)
        positions = np.broadcast_to(np.arange(targets.shape[1]), targets.shape)
    before = np.pad(segments, [(0, 0), (1, 0)])[:, :-1]
    inputs = np.pad(targets, [(0, 0), (1, 0)])[:, :-1]
    start = trained.tokenizer.bos_id if with_start_mark else 0
    inputs = np.where(segments == before, inputs, start)
    output = trained.network.apply(
        {"params": trained.parameters}, inputs, positions, segments
    )
    size = trained.tokenizer.vocab_size
    found = output.logits[..., :size]
    expected = arrays[f"{prefix}logits"]
    real = segments > 0
    np.testing.assert_allclose(found[real], expected[real], atol=1e-4, rtol=0)


def test_token_ids_are_those_of_the_legacy_program(imported, legacy):
    reference = json.loads((legacy / "reference.json").read_text())
    tokenizer = open_trained(str(imported)).tokenizer
    ids = [[*tokenizer.encode(text), tokenizer.eos_id] for text in reference["texts"]]
    # That program cuts texts off at its longest row.
    assert [row[: reference["max_len"]] for row in ids] == reference["token_ids"]


def test_sizes_that_do_not_agree_are_named_with_the_remedy(
    legacy, tiny_settings, tmp_path
):
    settings = tiny_settings(**{**SIZES, "num_layers": 2, "num_heads": 8})
    with pytest.raises(UserError) as error:
        import_legacy(str(legacy), str(tmp_path / "run"), settings)
    assert "num_layers=3, the config 2; add --config.num_layers=3" in str(error.value)
    assert "num_heads=4, the config 8; add --config.num_heads=4" in str(error.value)
    assert not list(tmp_path.iterdir())


def test_missing_files_are_named(tiny_settings, tmp_path):
    goal = str(tmp_path / "run")
    with pytest.raises(UserError, match="holds no sentencepiece_model"):
        import_legacy(str(tmp_path), goal, tiny_settings())
    (tmp_path / "run").mkdir()
    with pytest.raises(UserError, match="exists; give another, or remove it"):
        import_legacy(str(tmp_path), goal, tiny_settings())


def test_a_checkpoint_that_is_not_there_is_named(legacy, tiny_settings, tmp_path):
    with pytest.raises(UserError, match=r"does not hold checkpoint_5; it has \[119\]"):
        import_legacy(str(legacy), str(tmp_path / "run"), tiny_settings(), step=5)
