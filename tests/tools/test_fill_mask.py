import numpy as np
import pytest

from transformer_lm.registry import UserError
from transformer_lm.tools.fill_mask import fill, table
from transformer_lm.tools.head_outputs import rows_of, token_scores
from transformer_lm.tools.masked_text import encode_hidden, hide
from transformer_lm.tools.trained_model import open_trained

TEXT = "昔々[MASK]に、おじいさん[MASK]住んでいました。"


@pytest.fixture(scope="module")
def bert(runs):
    return open_trained(str(runs("bert")))


def test_guesses_are_the_likeliest_tokens_with_their_probabilities(bert):
    ids = encode_hidden(bert, TEXT)
    scores = token_scores(bert, rows_of([ids], 0))[0]
    places = [place for place, i in enumerate(ids) if i == bert.tokenizer.mask_id]
    guesses = fill(bert, TEXT, top_k=3)
    assert len(guesses) == len(places) == 2
    for place, guess in zip(places, guesses, strict=True):
        chances = np.exp(scores[place]) / np.exp(scores[place]).sum()
        best = np.sort(chances)[::-1][:3]
        np.testing.assert_allclose([p for _, p in guess], best, rtol=1e-4)


def test_a_text_around_masks_is_tokenised_as_if_it_had_none(bert):
    tokenizer = bert.tokenizer
    ids = encode_hidden(bert, "昔々[MASK]に")
    assert ids[0] == tokenizer.cls_id
    assert ids[-1] == tokenizer.sep_id
    assert tokenizer.decode(ids) == "昔々に"
    before, after = ids[1:-1][: ids.index(tokenizer.mask_id) - 1], ids[-2]
    assert before == tokenizer.encode("昔々")
    # No blank, which SentencePiece puts before a text, stands before what follows.
    assert after == tokenizer.encode("昔々に")[-1]


def test_a_hidden_word_has_a_mask_for_each_of_its_tokens(bert):
    encode = bert.tokenizer.encode
    text = "おじいさんは学校へ行きました。"
    hidden = hide(bert.tokenizer, text, "学校")
    count = len(encode("おじいさんは学校")) - len(encode("おじいさんは"))
    assert hidden == text.replace("学校", "[MASK]" * count)
    with pytest.raises(UserError, match=r"--hide=犬: .* does not have it"):
        hide(bert.tokenizer, text, "犬")


def test_a_table_has_a_column_for_each_mask():
    guesses = [[("学校", 0.5), ("a", 0.25)], [("山", 0.9), ("川へ", 0.05)]]
    lines = table(guesses).splitlines()
    assert lines[0].split("│")[1].strip() == "[MASK] 2"
    assert lines[2].replace(" ", "") == "学校50.0%│山90.0%"
    assert lines[3].replace(" ", "") == "a25.0%│川へ5.0%"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("隠す語がない。", r"has no \[MASK\]"),
        ("[MASK]" * 40, "42 tokens; the model reads"),
    ],
)
def test_texts_that_cannot_be_filled_are_refused(bert, text, message):
    with pytest.raises(UserError, match=message):
        fill(bert, text, 5)


def test_a_decoder_is_sent_to_chat(runs):
    with pytest.raises(UserError, match=r"cannot fill in words; use tools\.chat"):
        fill(open_trained(str(runs("gpt2"))), TEXT, 5)


def test_the_generator_of_an_electra_fills_in(runs):
    electra = open_trained(str(runs("electra", embedding_size=12, generator_size=0.5)))
    ids = encode_hidden(electra, TEXT)
    rows = rows_of([ids], 0)
    inputs = [rows[name] for name in electra.settings.model.inputs]
    variables = {"params": electra.parameters}
    hidden = electra.network.apply(variables, *inputs, method="generator").hidden
    logits = electra.network.apply(variables, hidden, method="generator_logits")
    size = electra.tokenizer.vocab_size
    np.testing.assert_allclose(
        token_scores(electra, rows), logits[..., :size], atol=1e-5
    )
