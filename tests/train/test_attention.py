"""The kernel is named at the start, and a wrong one stops the run."""

import functools
import logging
import sys

import jax
import jax.numpy as jnp
import pytest

from transformer_lm.models import attention_kernels as kernels
from transformer_lm.parallel import MeshShape
from transformer_lm.registry import UserError
from transformer_lm.train.attention import check_attention, settle_attention
from transformer_lm.train.loop import run
from transformer_lm.train.workdir import CHANGEABLE

KEYS = {"attention_dropout_rate": 0.0, "dtype": "bfloat16"}
KEYS |= {"max_target_length": 128, "max_eval_target_length": 128}


def test_a_slower_choice_is_loud_and_names_the_key(tiny_settings, caplog):
    settings = tiny_settings(**KEYS | {"attention_dropout_rate": 0.1})
    with caplog.at_level(logging.INFO, "transformer_lm"):
        assert settle_attention(settings, "cpu") == "xla"
        assert settle_attention(settings, "tpu") == "xla"
        assert settle_attention(tiny_settings(**KEYS), "tpu") == "splash"
    quiet, loud, fast = caplog.records
    assert quiet.levelname == fast.levelname == "INFO"
    assert fast.getMessage().startswith("attention: splash")
    assert loud.levelname == "WARNING"
    assert "attention_dropout_rate=0.1; set 0.0" in loud.getMessage()


def ignores_documents(segments):
    return jnp.ones_like(segments)


def merges_two_documents(segments):
    return jnp.where(segments == 6, 5, segments)


def wrong(segments_seen):
    """A kernel that sees other documents than there are."""

    def kernel(query, key, value, segments, *, causal):
        seen = segments_seen(segments)
        return kernels.triton_attention(
            query, key, value, seen, causal=causal, interpret=True
        )

    return kernel


def check(settings, kernel, monkeypatch, **shape):
    monkeypatch.setitem(kernels.KERNELS, "triton", kernel)
    mesh = MeshShape(**shape).build(jax.devices()[:4])
    check_attention(settings, "triton", mesh)


@pytest.mark.parametrize(("family", "shape"), [("gpt2", 2), ("bert", 1)])
def test_a_right_kernel_passes_on_all_devices(
    family, shape, tiny_settings, monkeypatch, caplog
):
    right = functools.partial(kernels.triton_attention, interpret=True)
    with caplog.at_level(logging.INFO, "transformer_lm"):
        check(tiny_settings(family, **KEYS), right, monkeypatch, tensor_parallel=shape)
    assert "triton equals the reference, heads of 16 dimensions" in caplog.text


@pytest.mark.parametrize("seen", [ignores_documents, merges_two_documents])
def test_a_kernel_that_ignores_a_mask_stops_the_run(seen, tiny_settings, monkeypatch):
    with pytest.raises(UserError, match=r"differs from the reference.*attention=xla"):
        check(tiny_settings(**KEYS), wrong(seen), monkeypatch)


def test_a_kernel_that_sees_padding_stops_the_run(tiny_settings, monkeypatch):
    settings = tiny_settings("roberta", **KEYS, row_mode="document")
    with pytest.raises(UserError, match="output by"):
        check(settings, wrong(ignores_documents), monkeypatch)


def test_a_kernel_that_has_the_wrong_gradient_stops_the_run(tiny_settings, monkeypatch):
    right = functools.partial(kernels.triton_attention, interpret=True)

    def kernel(query, key, value, segments, *, causal):
        return right(query, jax.lax.stop_gradient(key), value, segments, causal=causal)

    with pytest.raises(UserError, match="report this") as raised:
        check(tiny_settings(**KEYS), kernel, monkeypatch)
    assert "gradient of key by" in str(raised.value)
    assert "output by" not in str(raised.value)


def test_a_kernel_that_does_not_compile_says_what_to_do(tiny_settings, monkeypatch):
    # As it is: without a GPU.
    with pytest.raises(UserError, match=r"does not work on this machine") as raised:
        check(tiny_settings(**KEYS), kernels.triton_attention, monkeypatch)
    assert str(raised.value).endswith("Set attention=xla.")


def test_a_kernel_that_jax_no_longer_has_says_what_to_do(tiny_settings, monkeypatch):
    monkeypatch.setitem(sys.modules, "jax.experimental.pallas.ops.gpu", None)
    with pytest.raises(UserError, match=r"halted; None in sys.modules") as raised:
        check(tiny_settings(**KEYS), kernels.triton_attention, monkeypatch)
    assert str(raised.value).endswith("Set attention=xla.")


def test_a_kernel_of_another_backend_ends_the_run_before_any_work(
    tiny_settings, tmp_path
):
    with pytest.raises(UserError, match="it runs on TPU and the backend is cpu"):
        run(tiny_settings(**KEYS, attention="splash"), str(tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_a_resume_may_choose_another_kernel():
    assert "attention" in CHANGEABLE
