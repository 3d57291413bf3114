"""All readers under attack, by name."""

from tests.fuzz import corpus_targets, data_targets, model_targets
from tests.fuzz.target import Target

TARGETS: dict[str, Target] = {
    target.name: target
    for module in (corpus_targets, data_targets, model_targets)
    for target in module.TARGETS
}
