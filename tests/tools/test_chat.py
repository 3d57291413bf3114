import os
import subprocess
import sys
from pathlib import Path

import pytest

from transformer_lm.data.row_builders import special_ids
from transformer_lm.registry import UserError
from transformer_lm.sampling import generate
from transformer_lm.settings import Sampling
from transformer_lm.tools.chat import _pieces, continuation
from transformer_lm.tools.trained_model import open_trained

ROOT = Path(__file__).parents[2]
SAMPLING = Sampling(max_predict_length=20, sampling_temperature=0.8)


@pytest.fixture(scope="module")
def gpt2(runs):
    return open_trained(str(runs("gpt2")))


def test_the_pieces_are_the_text_that_generate_text_gives(gpt2):
    tokenizer = gpt2.tokenizer
    start_id, eos_id = special_ids(tokenizer)
    (ids,) = generate(
        gpt2.network,
        gpt2.parameters,
        [tokenizer.encode("昔々")],
        SAMPLING,
        start_id=start_id,
        eos_id=eos_id,
        seed=3,
        position_limit=32,
    )
    pieces = list(continuation(gpt2, "昔々", SAMPLING, seed=3))
    assert len(pieces) > 2
    assert "昔々" + "".join(pieces) == tokenizer.decode(ids)


def test_no_half_character_is_shown(gpt2):
    """𩸽 is no piece: it falls apart into four bytes."""
    tokenizer = gpt2.tokenizer
    ids = tokenizer.encode("魚は𩸽です")
    pieces = list(_pieces(tokenizer, [], ids))
    assert "".join(pieces) == "魚は𩸽です"
    assert not any("\N{REPLACEMENT CHARACTER}" in piece for piece in pieces)


def test_a_prompt_too_long_is_refused(gpt2):
    with pytest.raises(UserError, match="the model reads 31 at most"):
        list(continuation(gpt2, "𩸽" * 20, SAMPLING, seed=0))


def test_an_encoder_is_sent_to_fill_mask(runs):
    with pytest.raises(
        UserError, match=r"cannot continue a text; use tools\.fill_mask"
    ):
        list(continuation(open_trained(str(runs("bert"))), "昔々", SAMPLING, 0))


def chat(*arguments, text):
    return subprocess.run(
        [sys.executable, "-m", "transformer_lm.tools.chat", *arguments],
        cwd=ROOT,
        env={**os.environ, "JAX_PLATFORMS": "cpu"},
        input=text,
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_lines_from_a_pipe_are_continued_one_by_one(runs):
    arguments = (f"--model={runs('gpt2')}", "--temperature=0", "--max_length=14")
    result = chat(*arguments, text="昔々\n昔々\nおじい")
    assert result.returncode == 0, result.stderr
    one, again, other = result.stdout.splitlines()
    assert one == again
    assert one.startswith("昔々")
    assert other.startswith("おじい")


def test_wrong_sampling_is_one_message(runs):
    result = chat(f"--model={runs('gpt2')}", "--top_p=2", text="昔々\n")
    assert result.returncode == 2
    assert "sampling_top_p=2.0 must lie in (0, 1]" in result.stderr
    assert "Traceback" not in result.stderr
