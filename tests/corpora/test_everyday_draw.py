"""The bits of a draw are exact: against enumeration, and against other derivations."""

import math
from collections import Counter
from functools import partial
from random import Random

import pytest

from transformer_lm.corpora.everyday import generate
from transformer_lm.corpora.everyday.activity import Activity
from transformer_lm.corpora.everyday.document import WRITERS
from transformer_lm.corpora.everyday.draw import Draw, Weighted
from transformer_lm.corpora.everyday.grammar.clause import Clause
from transformer_lm.corpora.everyday.lexicon.people import Person
from transformer_lm.corpora.everyday.lexicon.things import Noun
from transformer_lm.corpora.everyday.outline import Outline
from transformer_lm.corpora.everyday.reactions import write_quotation
from transformer_lm.corpora.everyday.scene import draw_scene


class NoDerivationError(Exception):
    """No option at a choice can lead to the text."""


class ScriptedDraw(Draw):
    """Follows a list of choices, then takes the first and notes the others.

    Given a text, options whose words the text does not have are left out.
    """

    def __init__(self, script, text=None):
        super().__init__(Random(0))
        self.script = script
        self.text = text
        self.made = []
        self.branches = []

    def possible(self, option):
        if self.text is None:
            return True
        match option:
            case str():
                return option.isascii() or option in self.text
            case Person():
                return f"{option.name}は" in self.text
            case Noun():
                return option.surface in self.text
            case Clause():
                return option.words.split("{")[0] in self.text
            case (Activity(), _):
                nouns = option[0].kind.nouns
                return any(noun.surface in self.text for noun in nouns)
            case Outline():
                return option.sentences == self.text.count("。")
        return True

    def take(self, options, bits):
        if len(self.made) < len(self.script):
            index = self.script[len(self.made)]
        else:
            indices = [i for i in range(len(options)) if self.possible(options[i])]
            if not indices:
                raise NoDerivationError
            index = indices[0]
            self.branches += [[*self.made, other] for other in indices[1:]]
        self.made.append(index)
        self.bits += bits[index]
        return options[index]

    def choose(self, options):
        return self.take(options, [math.log2(len(options))] * len(options))

    def choose_weighted(self, weighted):
        return self.take(weighted.options, weighted.bits)


def derivations(produce, text=None):
    """Every (text, bits) that `produce` can give, or those of one text."""
    scripts = [[]]
    while scripts:
        draw = ScriptedDraw(scripts.pop(), text)
        try:
            produced = produce(draw)
        except NoDerivationError:
            continue
        finally:
            scripts += draw.branches
        if text is None or produced == text:
            yield produced, draw.bits


def accept_all(core):
    return True


def write_as(text, draw):
    """Write a document; give up with the first sentence that is not the text's."""
    scene = draw_scene(draw, accept_all)
    written = ""
    for writer in WRITERS:
        written += writer(draw, scene)
        if not text.startswith(written):
            raise NoDerivationError
    return written


def quotation_of(draw):
    """A part of the grammar small enough to enumerate."""
    scene = draw_scene(Draw(Random(4)), accept_all)
    assert scene.outline.quotation == "person"
    return write_quotation(draw, scene)


def test_weighted_options_have_the_bits_of_their_probability():
    weighted = Weighted.of((("a", 1.0), ("b", 3.0)))
    draw = Draw(Random(0))
    counts = Counter(draw.choose_weighted(weighted) for _ in range(20_000))
    assert weighted.bits == pytest.approx((2.0, math.log2(4 / 3)))
    assert counts["a"] / 20_000 == pytest.approx(0.25, abs=0.01)
    assert draw.bits == pytest.approx(2 * counts["a"] + math.log2(4 / 3) * counts["b"])


def test_rejected_proposals_leave_no_bits():
    draw = Draw(Random(0))
    options = tuple(range(8))
    chosen = draw.choose_until(lambda: draw.choose(options), lambda option: option == 5)
    assert chosen == 5
    assert draw.bits == 3.0


def test_mean_bits_are_the_entropy_of_an_enumerated_part():
    whole = list(derivations(quotation_of))
    probabilities = [2**-bits for _, bits in whole]
    entropy = sum(p * bits for p, (_, bits) in zip(probabilities, whole, strict=True))
    assert len(whole) == len({text for text, _ in whole}) > 50
    assert sum(probabilities) == pytest.approx(1.0)

    sampled = Counter()
    total = 0.0
    for index in range(20_000):
        draw = Draw(Random(index))
        sampled[quotation_of(draw)] += 1
        total += draw.bits
    assert total / 20_000 == pytest.approx(entropy, rel=0.01)
    assert set(sampled) == {text for text, _ in whole}
    for text, bits in whole:
        assert sampled[text] / 20_000 == pytest.approx(2**-bits, rel=0.5)


@pytest.mark.parametrize("split", ["train", "validation"])
def test_every_text_has_one_derivation_which_has_its_bits(split):
    for index in range(20):
        document = generate(index, split)
        found = list(derivations(partial(write_as, document.text), document.text))
        assert len(found) == 1, (document.text, found)
        assert found[0][1] == pytest.approx(document.bits)


def test_no_text_is_drawn_with_different_bits():
    seen = {}
    for index in range(40_000):
        document = generate(index, "train")
        bits = seen.setdefault(document.text, document.bits)
        assert bits == pytest.approx(document.bits), document.text
