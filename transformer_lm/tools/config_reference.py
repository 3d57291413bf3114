"""Writes the page of all config keys, from the dataclasses that hold them.

    python -m transformer_lm.tools.config_reference --output=docs/configuration.md

A key's description is the string below its field, its default the field's own: nothing
is written twice. A test holds the page of the repository to what this command writes.
"""

import argparse
import ast
import dataclasses
import html
import inspect
import itertools
import textwrap
from collections.abc import Iterator

from etils import epath

from transformer_lm.run_settings import CHOICES, FIXED
from transformer_lm.tools.command import ToolParser, start_tool

_TITLES = {
    "source": "Text",
    "windows": "Rows",
    "training": "Training",
    "evaluation": "Evaluation and logs",
    "checkpoints": "Checkpoints",
    "sampling": "Sampling",
    "mesh": "Devices",
    "model": "Models",
    "objective": "Objectives",
    "tokenizer": "Tokenizers",
    "optimizer": "Optimizers",
    "schedule": "Schedules of the learning rate",
}
_HEAD = """# Configuration: every key

<!-- Written by `python -m transformer_lm.tools.config_reference`; do not edit. -->

A config file is a function `get_config` that returns `defaults(model=…, objective=…,
tokenizer=…, optimizer=…, schedule=…)` with what it decides itself:

```python
from transformer_lm.config import defaults


def get_config():
    config = defaults(
        model="gpt2",
        objective="causal_lm",
        tokenizer="sentencepiece",
        optimizer="adamw",
        schedule="cosine",
    )
    config.batch_size = 64
    config.learning_rate = 6e-4
    return config
```

Any key can then be changed on the command line, `--config.learning_rate=1e-3`; the five
names cannot, because they decide which keys there are. `--print_config` shows what a run
would use, and does nothing. A key that does not exist is refused with the one that was
probably meant; all problems are reported together, before any work.

A default of `None` means "not set". The first seven tables hold for every run, the
others for the part that the config names.
"""


def described_fields(cls: type) -> dict[str, tuple[str, str]]:
    """Type and description of each field, as the class and its bases have them."""
    found: dict[str, tuple[str, str]] = {}
    for base in reversed(cls.__mro__):
        if not dataclasses.is_dataclass(base):
            continue
        (node,) = ast.parse(textwrap.dedent(inspect.getsource(base))).body
        assert isinstance(node, ast.ClassDef)
        for field, below in itertools.pairwise([*node.body, ast.Pass()]):
            if not isinstance(field, ast.AnnAssign):
                continue
            meaning = ""
            match below:
                case ast.Expr(value=ast.Constant(value=str(text))):
                    meaning = " ".join(text.split())
            found[ast.unparse(field.target)] = ast.unparse(field.annotation), meaning
    return {field.name: found[field.name] for field in dataclasses.fields(cls)}


def key_rows(cls: type) -> Iterator[str]:
    """Rows of a table: key, type, default, meaning."""
    described = described_fields(cls)
    for field in dataclasses.fields(cls):
        kind, meaning = described[field.name]
        kind = kind.replace(" | ", " or ")  # A | would end the cell.
        meaning = html.escape(meaning, quote=False).replace("|", "&#124;")
        yield f"| `{field.name}` | `{kind}` | `{field.default!r}` | {meaning} |"


def table(cls: type) -> str:
    """The keys of a class, under its description."""
    summary = (inspect.getdoc(cls) or "").split("\n\n")[0].replace("\n", " ")
    rows = list(key_rows(cls))
    if not rows:
        return f"{summary}\n\nIt has no keys.\n"
    head = "| key | type | default | meaning |\n|---|---|---|---|\n"
    return f"{summary}\n\n{head}" + "\n".join(rows) + "\n"


def build_page() -> str:
    """The whole page, in Markdown."""
    parts = [_HEAD]
    for part, title in _TITLES.items():
        if part in FIXED:
            parts.append(f"## {title}\n\n{table(FIXED[part])}")
            continue
        parts.append(f"## {title}\n")
        for name, cls in CHOICES[part].items():
            parts.append(f"### {part}={name}\n\n{table(cls)}")
    return "\n".join(parts)


def parser() -> ToolParser:
    """The flags of the command."""
    made = ToolParser(
        module="transformer_lm.tools.config_reference",
        description="Writes all config keys, with types and defaults, as Markdown.",
    )
    made.add_argument("--output", help="file to write; by default the screen")
    return made


def main(arguments: argparse.Namespace) -> None:
    """Writes or prints the page."""
    if arguments.output is None:
        print(build_page(), end="")
    else:
        epath.Path(arguments.output).write_text(build_page())
        print(arguments.output)


if __name__ == "__main__":
    start_tool(main, parser())
