"""All activities a document may be about."""

from __future__ import annotations

from transformer_lm.corpora.everyday.activity import Activity

from .culture import CULTURE
from .home import HOME
from .meals import MEALS
from .outdoors import OUTDOORS
from .pastimes import PASTIMES
from .shopping import FOOD_AND_FLOWER_SHOPS
from .stores import STORES

ACTIVITIES: tuple[Activity, ...] = (
    *FOOD_AND_FLOWER_SHOPS,
    *STORES,
    *MEALS,
    *CULTURE,
    *PASTIMES,
    *OUTDOORS,
    *HOME,
)
