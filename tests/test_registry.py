import pytest

from transformer_lm.data import DATASETS
from transformer_lm.models import MODELS
from transformer_lm.objectives import OBJECTIVES
from transformer_lm.optim import OPTIMIZERS, SCHEDULES
from transformer_lm.registry import Registry, UnknownNameError
from transformer_lm.tokenizers import TOKENIZERS

TABLES = {
    "model": MODELS,
    "objective": OBJECTIVES,
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
    "tokenizer": TOKENIZERS,
    "dataset": DATASETS,
}


@pytest.mark.parametrize(
    ("table", "name"), [(table, name) for table in TABLES for name in TABLES[table]]
)
def test_every_entry_imports(table, name):
    assert isinstance(TABLES[table][name], type)


def test_unknown_name_suggests_and_lists():
    table = Registry("model", {"gpt2": "a:B", "bert": "a:C"})
    with pytest.raises(UnknownNameError) as error:
        table["gtp2"]
    assert (
        str(error.value)
        == "unknown model 'gtp2'. Did you mean 'gpt2'? Known: bert, gpt2."
    )


def test_nothing_is_imported_before_it_is_asked_for():
    table = Registry("model", {"missing": "no_such_module:Thing"})
    assert list(table) == ["missing"]
    with pytest.raises(ModuleNotFoundError):
        table["missing"]
