"""docs/configuration.md is what the settings classes say now."""

import dataclasses
from pathlib import Path

from transformer_lm.tools import config_reference

ROOT = Path(__file__).parents[2]


def test_the_page_is_fresh():
    assert (
        ROOT / "docs" / "configuration.md"
    ).read_text() == config_reference.build_page(), (
        "a key has changed; write the page anew:"
        " python -m transformer_lm.tools.config_reference"
        " --output=docs/configuration.md"
    )


@dataclasses.dataclass(frozen=True)
class Base:
    """A base."""

    width: int = 8
    """Of a row | column."""


@dataclasses.dataclass(frozen=True)
class Derived(Base):
    """Two lines
    of summary.

    And more.
    """

    mode: str | None = None
    """Either a
    or b.
    """


def test_inherited_keys_and_descriptions_of_several_lines():
    text = config_reference.table(Derived)
    assert text.startswith("Two lines of summary.\n\n|")
    assert text.splitlines()[4:] == [
        "| `width` | `int` | `8` | Of a row \\| column. |",
        "| `mode` | `str \\| None` | `None` | Either a or b. |",
    ]


def test_every_key_is_described():
    for part, cls in config_reference.FIXED.items():
        for name, (_, meaning) in config_reference.described_fields(cls).items():
            assert meaning, f"{part}: {name} has no string below it"
    for part, table in config_reference.CHOICES.items():
        for choice, cls in table.items():
            for name, (_, meaning) in config_reference.described_fields(cls).items():
                assert meaning, f"{part}={choice}: {name} has no string below it"
