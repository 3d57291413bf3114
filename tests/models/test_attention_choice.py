"""Which kernel a run gets, before anything is compiled."""

import dataclasses

import pytest

from transformer_lm.config import ConfigError
from transformer_lm.models.attention_choice import (
    AttentionUse,
    choice_obstacles,
    choose,
    obstacles,
)

USE = AttentionUse(
    backend="gpu",
    dtype="bfloat16",
    head_dims=(64,),
    lengths=(1024, 512),
    dropout_rate=0.0,
    is_one_text=True,
)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, "cudnn"),
        ({"dtype": "float16"}, "cudnn"),
        ({"lengths": (100, 512)}, "cudnn"),
        ({"is_one_text": False}, "triton"),
        ({"head_dims": (26,)}, "triton"),
        ({"head_dims": (64, 26)}, "triton"),
        ({"head_dims": (26,), "lengths": (1024, 100)}, "xla"),
        ({"dropout_rate": 0.1}, "xla"),
        ({"dtype": "float32"}, "xla"),
        ({"backend": "tpu"}, "splash"),
        ({"backend": "tpu", "is_one_text": False}, "splash"),
        ({"backend": "tpu", "dtype": "float32", "head_dims": (26, 256)}, "splash"),
        ({"backend": "tpu", "dtype": "float16"}, "xla"),
        ({"backend": "tpu", "lengths": (1024, 200)}, "xla"),
        ({"backend": "tpu", "dropout_rate": 0.1}, "xla"),
        ({"backend": "cpu"}, "xla"),
    ],
)
def test_auto_takes_the_fastest_that_is_exact(changed, expected):
    use = dataclasses.replace(USE, **changed)
    kernel, reasons = choose("auto", use)
    assert kernel == expected
    assert obstacles(kernel, use) == []
    # Whatever is slower than it could be says so.
    assert bool(reasons) == (expected == "xla" and use.backend != "cpu")


def test_reasons_name_the_keys():
    use = dataclasses.replace(
        USE,
        dtype="float32",
        head_dims=(130,),
        lengths=(100,),
        dropout_rate=0.1,
        is_one_text=False,
    )
    _, (cudnn, triton) = choose("auto", use)
    for key in ("attention_dropout_rate=0.1", "use_bfloat16", "num_heads"):
        assert key in cudnn
        assert key in triton
    assert "(row_mode)" in cudnn
    assert "(row_mode)" not in triton
    assert "(max_target_length," in triton


def test_xla_is_always_possible():
    assert choose("xla", dataclasses.replace(USE, dropout_rate=0.5)) == ("xla", [])


@pytest.mark.parametrize("kernel", ["splash", "triton", "cudnn"])
def test_an_explicit_kernel_needs_its_backend_once_that_is_known(kernel):
    unknown = dataclasses.replace(USE, backend=None)
    assert choice_obstacles(kernel, unknown) == []
    (problem,) = choice_obstacles(kernel, dataclasses.replace(USE, backend="cpu"))
    assert problem.startswith(f"attention='{kernel}': it runs on ")
    assert problem.endswith("and the backend is cpu")


EXACT = {"dtype": "bfloat16", "attention_dropout_rate": 0.0}
EXACT |= {"max_target_length": 128, "max_eval_target_length": 128}


def test_an_explicit_kernel_that_cannot_be_exact_is_a_config_error(tiny_settings):
    with pytest.raises(ConfigError) as raised:
        tiny_settings(attention="splash", attention_dropout_rate=0.1)
    found = str(raised.value)
    assert "attention='splash': it has no dropout of attention weights" in found
    assert "attention='splash': rows of 64 tokens are no multiple of 128" in found
    with pytest.raises(ConfigError, match=r"several documents.*\(row_mode\)"):
        tiny_settings(attention="cudnn", **EXACT)
    with pytest.raises(ConfigError, match="attention='flash' is unknown; choose from"):
        tiny_settings(attention="flash")


@pytest.mark.parametrize(
    ("family", "keys"),
    [
        ("gpt2", {"row_mode": "document"}),
        ("gpt2", {"row_mode": "contiguous"}),
        ("roberta", {"row_mode": "document"}),
        ("electra", {"row_mode": "contiguous"}),
        ("bert", {}),
    ],
)
def test_rows_of_one_text_may_have_cudnn(tiny_settings, family, keys):
    settings = tiny_settings(family, attention="cudnn", **EXACT, **keys)
    assert settings.attention_use("gpu").is_one_text
    assert settings.problems_on(1, 1, "gpu") == []
    (problem,) = settings.problems_on(1, 1, "cpu")
    assert "it runs on GPU and the backend is cpu" in problem


def test_both_networks_of_electra_count(tiny_settings):
    settings = tiny_settings("electra", emb_dim=64, num_heads=4, generator_size=0.5)
    assert settings.attention_use(None).head_dims == (16, 16)
