"""Under fsdp each device goes through its own rows, whatever the compiler prefers."""

import re

import pytest

from transformer_lm.planning.inputs import abstract_batch, planned_vocabulary
from transformer_lm.train.program import build_program

ROWS = 24
"""In a global batch; no width of the networks."""


@pytest.mark.parametrize(
    ("family", "scan_layers"),
    [("gpt2", False), ("transformer_lm", True), ("albert", False), ("electra", False)],
)
def test_no_device_holds_activations_of_all_rows(tiny_settings, family, scan_layers):
    settings = tiny_settings(
        family,
        fsdp_parallel=8,
        batch_size=ROWS,
        scan_layers=scan_layers,
        **({"embedding_dropout_rate": 0.0} if family == "gpt2" else {}),
        dropout_rate=0.0,
        attention_dropout_rate=0.0,
    )
    program = build_program(settings, planned_vocabulary(settings))
    batch = abstract_batch(settings, program.mesh, ROWS)
    text = program.train_step.lower(program.abstract, batch).compile().as_text()
    length = settings.windows.max_target_length
    shapes = set(re.findall(rf"(?:f32|pred)\[(?:\d,)?{ROWS},{length}[\d,]*\]", text))
    assert not shapes
    assert re.search(rf"f32\[(?:\d,)?{ROWS // 8},{length},32\]", text)
