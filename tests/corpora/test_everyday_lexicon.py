"""The lexicon is rich, and its words do not contradict or repeat each other."""

import pytest

from transformer_lm.corpora.everyday.grammar.adjectives import IAdjective
from transformer_lm.corpora.everyday.grammar.verbs import Verb
from transformer_lm.corpora.everyday.lexicon.activities import ACTIVITIES
from transformer_lm.corpora.everyday.lexicon.people import EVERYONE
from transformer_lm.corpora.everyday.lexicon.times import ALL_YEAR, ANY_WEATHER


def clauses():
    for activity in ACTIVITIES:
        yield from activity.reasons
        yield from activity.followups
    for month in ALL_YEAR:
        yield from month.weather
    yield from ANY_WEATHER


def remarks_of(activity):
    return {remark.quality for remark in activity.kind.remarks}


def test_the_lexicon_is_rich():
    verbs = {verb for activity in ACTIVITIES for verb in activity.verbs}
    verbs |= {each.predicate for each in clauses() if isinstance(each.predicate, Verb)}
    nouns = {noun.surface for each in ACTIVITIES for noun in each.kind.nouns}
    places = {place for activity in ACTIVITIES for place in activity.places}
    assert len(EVERYONE.options) >= 60
    assert len(ACTIVITIES) >= 25
    assert len(nouns) >= 200
    assert len(places) >= 70
    assert len(verbs) >= 80
    assert len(set().union(*map(remarks_of, ACTIVITIES))) >= 40


def test_people_and_things_have_distinct_words():
    names = [person.name for person in EVERYONE.options]
    assert len(names) == len(set(names))
    for activity in ACTIVITIES:
        surfaces = [noun.surface for noun in activity.kind.nouns]
        assert len(surfaces) == len(set(surfaces))


@pytest.mark.parametrize("activity", ACTIVITIES, ids=lambda one: one.fondness[0])
def test_no_list_has_a_word_twice(activity):
    kind = activity.kind
    for words in (
        *(noun.measures for noun in kind.nouns),
        kind.modifiers,
        *(kind.remarks, activity.verbs, activity.fondness, activity.reasons),
        *(activity.thoughts, activity.sayings, activity.followups, activity.places),
        *(activity.adjuncts, activity.hours, activity.manners, activity.prices),
    ):
        assert len(words) == len(set(words)), words


@pytest.mark.parametrize("activity", ACTIVITIES, ids=lambda one: one.fondness[0])
def test_what_is_remarked_is_not_said_before_the_noun_already(activity):
    said = set(activity.kind.modifiers)
    remarked = {
        quality.dictionary if isinstance(quality, IAdjective) else f"{quality.word}な"
        for quality in remarks_of(activity)
    }
    assert not said & remarked


def test_followups_name_the_thing():
    for activity in ACTIVITIES:
        assert all("{noun}" in followup.words for followup in activity.followups)
