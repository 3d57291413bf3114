"""The documents: reproducible, distinct, of one style, apart between the splits."""

import hashlib
import re
import time

import pytest

from transformer_lm.corpora.everyday import (
    HELD_OUT_FRACTION,
    bits_per_character,
    generate,
)
from transformer_lm.corpora.everyday.holdout import is_held_out
from transformer_lm.corpora.everyday.lexicon.activities import ACTIVITIES
from transformer_lm.corpora.everyday.lexicon.people import EVERYONE

TRAINING = 20_000
VALIDATION = 3_000


@pytest.fixture(scope="module")
def training():
    return [generate(index, "train") for index in range(TRAINING)]


@pytest.fixture(scope="module")
def validation():
    return [generate(index, "validation") for index in range(VALIDATION)]


def sentences(text):
    return text.removesuffix("。").split("。")


def test_a_document_is_a_function_of_index_split_and_seed():
    assert generate(7, "train") == generate(7, "train")
    others = {generate(7, "train", seed=1), generate(8, "train")}
    assert generate(7, "train") not in others | {generate(7, "validation")}


def test_documents_are_the_same_on_every_machine():
    """A change of the grammar changes this digest; then take the new one."""
    texts = "\n".join(generate(index, "train").text for index in range(1000))
    assert hashlib.sha256(texts.encode()).hexdigest()[:16] == "5498a560f6111109"


def test_there_are_more_than_fifty_thousand_distinct_sentences(training):
    assert len({one for each in training for one in sentences(each.text)}) > 50_000
    assert len({document.text for document in training}) > 0.99 * TRAINING


def test_documents_have_two_to_six_sentences(training):
    counts = {document.text.count("。") for document in training}
    assert counts == {2, 3, 4, 5, 6}


def test_documents_keep_one_style(training):
    for document in training:
        told = re.sub("「.*?」", "", document.text)
        polite = [
            bool(re.search("(です|でした|ます|ました|ません|ませんでした)$", one))
            for one in sentences(told)
        ]
        assert len(set(polite)) == 1, document.text


def test_no_combination_is_in_both_splits(training, validation):
    of_training = {one for each in training for one in each.combinations}
    of_validation = {one for each in validation for one in each.combinations}
    assert len(of_training) > 10_000
    assert len(of_validation) > 1_000
    assert all(document.combinations for document in validation)
    assert not of_training & of_validation
    pairs = {(one.person, one.thing) for one in of_training}
    assert not pairs & {(one.person, one.thing) for one in of_validation}


def test_combinations_are_those_of_the_text(training):
    for document in training:
        for combination in document.combinations:
            assert combination.person in document.text
            assert combination.thing in document.text


def test_no_training_text_tells_of_a_held_out_pair(training):
    """Reads the first sentence with を, without trusting the recorded combinations."""
    nouns = {noun.surface for each in ACTIVITIES for noun in each.kind.nouns}
    names = sorted((one.name for one in EVERYONE.options), key=len, reverse=True)
    by_length = sorted(nouns, key=len, reverse=True)
    checked = 0
    for document in training:
        person = next(name for name in names if f"{name}は" in document.text)
        told = re.sub("「.*?」", "", document.text)
        for one in sentences(told):
            if found := re.search(rf"({'|'.join(by_length)})を", one):
                checked += 1
                assert not is_held_out(person, found[1]), document.text
    assert checked > TRAINING


def test_the_held_out_fraction_is_as_announced():
    people = [person.name for person in EVERYONE.options]
    nouns = {noun.surface for each in ACTIVITIES for noun in each.kind.nouns}
    held_out = sum(is_held_out(person, noun) for person in people for noun in nouns)
    fraction = held_out / (len(people) * len(nouns))
    assert fraction == pytest.approx(HELD_OUT_FRACTION, rel=0.1)


def test_every_activity_can_be_held_out():
    """Else drawing a validation document might never end."""
    for activity in ACTIVITIES:
        nouns = [noun.surface for noun in activity.kind.nouns]
        most = max(
            sum(is_held_out(person.name, noun) for noun in nouns)
            for person in activity.people.options
        )
        assert most >= 2, nouns


def test_both_splits_have_the_same_entropy():
    training = bits_per_character("train", 3_000)
    assert training == pytest.approx(bits_per_character("validation", 3_000), rel=0.02)
    assert 0.5 < training < 2.0


def test_generation_is_fast():
    start = time.perf_counter()
    for index in range(3_000):
        generate(index, "train")
    assert 3_000 / (time.perf_counter() - start) > 5_000
