import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.tools.folders import TEXTS
from transformer_lm.config import ConfigError
from transformer_lm.data.source import Source
from transformer_lm.registry import UserError
from transformer_lm.tools.evaluate import RINNA, pseudo_perplexity, scores, with_text
from transformer_lm.tools.head_outputs import rows_of, token_scores
from transformer_lm.tools.prepare import main as prepare
from transformer_lm.tools.prepare import parser as prepare_parser
from transformer_lm.tools.pseudo_perplexity import pseudo_loss
from transformer_lm.tools.trained_model import EXPORTED_SETTINGS, open_trained


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    file = tmp_path_factory.mktemp("text") / "held_out.txt"
    file.write_text("\n\n".join(TEXTS[:5]))
    return str(file)


def document_losses(trained):
    """(sum of losses, targets) of each document, from whole rows of one alone."""
    tokenizer = trained.tokenizer
    for document in TEXTS[:5]:
        ids = tokenizer.encode(document)
        for first in range(0, len(ids) + 1, 32):
            targets = [*ids, tokenizer.eos_id][first : first + 32]
            inputs = [tokenizer.bos_id, *ids][first : first + 32]
            if first:
                inputs = [ids[first - 1], *inputs[1:]]
            logits = jnp.asarray(token_scores(trained, rows_of([inputs], 0))[0])
            chances = jax.nn.log_softmax(logits)
            yield -float(chances[np.arange(len(targets)), targets].sum()), len(targets)


def test_figures_are_those_counted_document_by_document(runs, text):
    trained = with_text(open_trained(str(runs("gpt2"))), None, text)
    losses, targets = zip(*document_losses(trained), strict=True)
    found = scores(trained, batch_size=2)
    mean = sum(losses) / sum(targets)
    characters = sum(map(len, TEXTS[:5]))
    assert found["tokens"] == sum(targets)
    assert found["loss"] == pytest.approx(mean, rel=1e-4)
    assert found["perplexity"] == pytest.approx(math.exp(mean), rel=1e-3)
    assert found["characters"] == pytest.approx(characters)
    assert found["bits_per_character"] == pytest.approx(
        sum(losses) / math.log(2) / characters, rel=1e-4
    )
    # Batches of different sizes count alike in it.
    assert found[RINNA] != pytest.approx(found["perplexity"], rel=1e-3)


def test_one_batch_has_one_perplexity(runs, text):
    trained = with_text(open_trained(str(runs("gpt2"))), None, text)
    found = scores(trained, batch_size=64)
    assert found[RINNA] == pytest.approx(found["perplexity"], rel=1e-5)


def test_pseudo_perplexity_hides_each_token_alone(runs):
    bert = open_trained(str(runs("bert")))
    tokenizer = bert.tokenizer
    ids = [tokenizer.cls_id, *tokenizer.encode(TEXTS[2])[:20], tokenizer.sep_id]
    total = 0.0
    for place in range(1, len(ids) - 1):
        hidden = [*ids[:place], tokenizer.mask_id, *ids[place + 1 :]]
        logits = jnp.asarray(token_scores(bert, rows_of([hidden], 0))[0, place])
        total -= float(jax.nn.log_softmax(logits)[ids[place]])
    row = {name: array[0] for name, array in rows_of([ids], 0, 32).items()}
    found, count = pseudo_loss(bert, [row])
    assert count == len(ids) - 2
    assert found == pytest.approx(total, rel=1e-4)


def test_a_decoder_has_no_pseudo_perplexity(runs):
    with pytest.raises(UserError, match="its perplexity is exact without"):
        pseudo_perplexity(open_trained(str(runs("gpt2"))), 1)


def test_a_split_that_is_not_there_is_named(runs):
    trained = open_trained(str(runs("gpt2")))
    with pytest.raises(ConfigError, match="eval_split='test': the data set has only"):
        with_text(trained, "test", None)


def reading(trained, folder):
    """The model, with prepared data for its text."""
    source = Source(dataset_name="prepared", data_path=str(folder))
    settings = dataclasses.replace(trained.settings, source=source)
    return dataclasses.replace(trained, settings=settings)


@pytest.fixture(scope="module")
def prepared(runs, text, tmp_path_factory):
    """The text, prepared with the vocabulary of the GPT-2."""
    folder = tmp_path_factory.mktemp("prepared") / "data"
    flags = [f"--output={folder}", "--kind=sentencepiece", "--processes=1"]
    flags += [f"--vocab_path={runs('gpt2')}/sentencepiece_model"]
    flags += [f"--{split}={text}" for split in ("train", "validation", "test")]
    prepare(prepare_parser().parse_args(flags))
    return folder


def test_prepared_text_has_the_figures_of_the_text_itself(runs, text, prepared):
    gpt2 = open_trained(str(runs("gpt2")))
    streamed = scores(with_text(gpt2, None, text), batch_size=2)
    found = scores(with_text(reading(gpt2, prepared), "test", None), batch_size=2)
    assert found == pytest.approx(streamed)


def test_the_text_itself_can_be_named_beside_prepared_data(runs, text, prepared):
    gpt2 = open_trained(str(runs("gpt2")))
    streamed = scores(with_text(gpt2, None, text), batch_size=2)
    found = scores(with_text(reading(gpt2, prepared), None, text), batch_size=2)
    assert found == pytest.approx(streamed)


def test_text_prepared_with_another_tokenizer_is_refused(runs, prepared):
    bert = open_trained(str(runs("bert")))
    with pytest.raises(UserError, match="another tokenizer than the model's"):
        pseudo_perplexity(reading(bert, prepared), 1)


def test_an_export_does_not_know_where_its_text_lies(runs, text, prepared, tmp_path):
    trained = reading(open_trained(str(runs("gpt2"))), prepared)
    (tmp_path / EXPORTED_SETTINGS).write_text("{}")
    export = dataclasses.replace(trained, folder=str(tmp_path))
    with pytest.raises(UserError, match="name the text with --data_path=FILES"):
        with_text(export, "test", None)
    named = with_text(export, None, text).settings.source.evaluation()
    assert named.data_path == text
