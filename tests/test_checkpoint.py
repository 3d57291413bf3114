import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from transformer_lm.checkpoint import CheckpointStore, folder
from transformer_lm.models import MODELS
from transformer_lm.objectives.vocabulary import Vocabulary
from transformer_lm.registry import UserError
from transformer_lm.train.program import build_program
from transformer_lm.train.restore import load_parameters, restore
from transformer_lm.train.workdir import compare_settings, write_settings

VOCABULARY = Vocabulary(250)


def program_of(settings, num_devices=1):
    return build_program(settings, VOCABULARY, jax.devices()[:num_devices])


@pytest.fixture(scope="module")
def settings(tiny_settings):
    return tiny_settings(ema_decay=0.9)


@pytest.fixture(scope="module")
def program(settings):
    return program_of(settings)


@pytest.fixture(scope="module")
def state(program):
    fresh = program.fresh_state(0)
    moved = jax.tree.map(lambda leaf: leaf + 1, fresh.average)
    return fresh.replace(step=jnp.asarray(7, jnp.int32), average=moved)


def equal(one, other):
    jax.tree.map(np.testing.assert_array_equal, one, other)


def test_everything_comes_back(tmp_path, settings, program, state):
    store = CheckpointStore(str(tmp_path))
    store.save(7, state, b"position", settings.flat(), {"sums": {"loss": [0.1, 3.0]}})
    store.wait()
    restored, position = store.restore(7, program.abstract)
    assert jax.tree.structure(restored) == jax.tree.structure(state)
    equal(restored, state)
    assert position == b"position"
    saved = store.settings(7)
    assert saved["settings"] == settings.flat()
    assert saved["window"] == {"sums": {"loss": [0.1, 3.0]}}
    store.close()


def test_another_mesh_reads_it(tmp_path, settings, state, tiny_settings):
    store = CheckpointStore(str(tmp_path))
    store.save(7, state, b"", settings.flat(), {})
    store.wait()
    sharded = program_of(tiny_settings(ema_decay=0.9, fsdp_parallel=4), 8)
    restored, _ = store.restore(7, sharded.abstract)
    equal(jax.device_get(restored), jax.device_get(state))
    kernel = restored.parameters["stack"]["layer_0"]["feed_forward"]["expand"]["kernel"]
    assert len({str(shard.index) for shard in kernel.addressable_shards}) == 4
    store.close()


def test_the_newest_and_the_best_stay(tmp_path, settings, state):
    store = CheckpointStore(str(tmp_path), keep=2, best_metric="loss")
    for step, loss in ((1, 3.0), (2, 1.0), (3, 2.0), (4, None), (5, 2.5)):
        metrics = None if loss is None else {"loss": loss}
        store.save(step, state, b"", settings.flat(), {}, metrics=metrics)
    store.wait()
    assert store.steps() == [2, 4, 5]
    store.close()


def test_parameters_alone_need_no_optimizer(tmp_path, settings, program, state):
    store = CheckpointStore(str(tmp_path))
    store.save(7, state, b"", settings.flat(), {})
    store.close()
    for average, expected in ((False, state.parameters), (True, state.average)):
        step, parameters = load_parameters(
            str(tmp_path), program.abstract.parameters, average=average
        )
        assert step == 7
        equal(parameters, expected)


def test_missing_checkpoints_are_named(tmp_path, settings, program, state):
    with pytest.raises(UserError, match="holds no checkpoints"):
        load_parameters(str(tmp_path), program.abstract.parameters, average=False)
    store = CheckpointStore(str(tmp_path))
    store.save(7, state, b"", settings.flat(), {})
    store.close()
    with pytest.raises(UserError, match=r"does not hold checkpoint 8; it has \[7\]"):
        load_parameters(
            str(tmp_path), program.abstract.parameters, average=False, step=8
        )


def test_another_network_is_refused(tmp_path, settings, state, tiny_settings):
    store = CheckpointStore(str(tmp_path))
    store.save(7, state, b"", settings.flat(), {})
    store.close()
    wider = program_of(tiny_settings(emb_dim=64, qkv_dim=64))
    with pytest.raises(
        UserError,
        match=r"another network(.|\n)*final_norm.norm.bias: \(32,\) saved, \(64,\)",
    ):
        load_parameters(str(tmp_path), wider.abstract.parameters, average=False)


def test_an_unfinished_checkpoint_is_no_checkpoint(tmp_path, settings, state):
    store = CheckpointStore(str(tmp_path))
    store.save(7, state, b"", settings.flat(), {})
    store.close()
    (folder(str(tmp_path)) / "9.orbax-checkpoint-tmp").mkdir()
    assert CheckpointStore(str(tmp_path)).steps() == [7]


def test_restore_checkpoints_false_does_not_overwrite(tmp_path, tiny_settings, state):
    settings = tiny_settings(restore_checkpoints=False, ema_decay=0.9)
    store = CheckpointStore(str(tmp_path))
    store.save(7, state, b"", settings.flat(), {})
    store.wait()
    with pytest.raises(UserError, match="restore_checkpoints=False"):
        restore(settings, str(tmp_path), program_of(settings), store)
    store.close()


def test_init_from_takes_parameters_alone(tmp_path, settings, state, tiny_settings):
    source, target = tmp_path / "source", tmp_path / "target"
    store = CheckpointStore(str(source))
    store.save(7, state, b"", settings.flat(), {})
    store.close()
    write_settings(source, settings)
    fresh = tiny_settings(init_from=str(source), seed=5)
    begun = restore(fresh, str(target), program_of(fresh), CheckpointStore(str(target)))
    assert begun.step == 0
    assert begun.position is None
    # The source keeps a moving average: that is what is trained on.
    equal(begun.state.parameters, state.average)
    assert int(begun.state.step) == 0


@pytest.mark.parametrize("family", list(MODELS))
def test_dropout_may_change_in_every_family(family, tiny_settings, caplog):
    fields = dataclasses.fields(MODELS[family])
    rates = {f.name: 0.25 for f in fields if f.name.endswith("dropout_rate")}
    before = tiny_settings(family).flat()
    changed = compare_settings(before, tiny_settings(family, **rates), "here")
    assert changed == sorted(rates)
    assert len(rates) == 2 + (family == "gpt2")


def test_settings_that_differ_are_told_or_refused(tiny_settings, caplog):
    before = tiny_settings().flat()
    changed = tiny_settings(learning_rate=0.5, dropout_rate=0.2)
    assert compare_settings(before, changed, "here") == [
        *("dropout_rate", "learning_rate"),
    ]
    assert "learning_rate: 0.003 before, 0.5 now" in caplog.text
    with pytest.raises(UserError, match="num_heads: 2 before, 4 now"):
        compare_settings(before, tiny_settings(num_heads=4), "here")
    with pytest.raises(UserError, match="vocab_size"):
        compare_settings(before, tiny_settings(vocab_size=300), "here")
