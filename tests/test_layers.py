"""Who may import whom (docs/architecture.md), read from the source."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = "transformer_lm"
FILES = sorted((ROOT / PACKAGE).rglob("*.py"))

LEVELS = {
    "registry": 0,
    "bar": 1,
    "file_names": 1,
    "json_files": 1,
    "environment": 1,
    "exit_codes": 1,
    "orphans": 1,
    "mecab": 1,
    "redaction": 1,
    "shipped": 1,
    "text_values": 1,
    "settings": 2,
    "models": 2,
    "objectives": 2,
    "data": 2,
    "corpora": 2,
    "tokenizers": 2,
    "optim": 2,
    "parallel": 2,
    "processes": 2,
    "line_files": 1,
    "run_settings": 3,
    "token_choice": 2,
    "config": 3,
    "checkpoint": 3,
    "checkpoint_items": 3,
    "checkpoint_position": 3,
    "checksums": 3,
    "loggers": 3,
    "metrics": 3,
    "log": 3,
    "progress": 3,
    "throughput": 3,
    "train": 4,
    "convert": 4,
    "sampling": 4,
    "planning": 4,
    "decoding": 3,
    "config_files": 4,
    "tools": 5,
    "command_line": 5,
}
"""A module may import from lower levels, and what is allowed below."""

ALLOWED_ACROSS = {
    ("data", "tokenizers"),
    ("data", "corpora"),
    ("config", "run_settings"),
    ("checkpoint", "checkpoint_items"),
    ("checkpoint", "checkpoint_position"),
    ("checkpoint", "checksums"),
    ("progress", "metrics"),
    ("metrics", "loggers"),
    ("train", "sampling"),
    ("train", "convert"),
    ("train", "tools"),
    ("planning", "train"),
    ("tools", "command_line"),
}
"""Edges inside a level, or upwards, each with a reason in docs/architecture.md."""

NAMELESS = {"utils", "helpers", "common", "misc"}


def part_of(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def imports(path: Path, *, only_eager: bool = False) -> list[str]:
    """Absolute names of the modules that a file imports."""
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    found = []
    tree = ast.parse(path.read_text())
    nodes = tree.body if only_eager else list(ast.walk(tree))
    for node in nodes:
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            prefix = module.rsplit(".", node.level)[0] + "." if node.level else ""
            found.append(prefix + (node.module or ""))
    return found


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_imports_go_downward(path):
    module = module_of(path)
    part = part_of(module)
    for target in imports(path):
        other = part_of(target) if target.startswith(f"{PACKAGE}.") else ""
        if not part or not other or other == part or (part, other) in ALLOWED_ACROSS:
            continue
        assert LEVELS[other] < LEVELS[part], (
            f"{module} (layer {part}) must not import {target}"
        )


@pytest.mark.parametrize(
    "path",
    [f for f in FILES if f.parent.name == "models" and f.name != "__init__.py"],
    ids=module_of,
)
def test_networks_can_be_shipped(path):
    allowed = {"jax", "flax", "numpy", "dataclasses", "functools", "math", "typing"}
    allowed |= {"collections", PACKAGE}
    for target in imports(path):
        assert target.split(".")[0] in allowed, f"{path.name} imports {target}"
        assert not target.startswith(PACKAGE) or part_of(target) == "models"


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_tensorflow_stays_in_its_corner(path):
    names = {target.split(".")[0] for target in imports(path)}
    if names & {"tensorflow", "tensorflow_text", "tensorflow_datasets"}:
        assert part_of(module_of(path)) in ("data", "tokenizers", "loggers")


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_names_say_something(path):
    assert path.stem not in NAMELESS


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_no_process_has_torch_and_tensorflow(path):
    assert "torch" not in {target.split(".")[0] for target in imports(path)}


@pytest.mark.parametrize("name", ["loads_alone", "write_tf"])
def test_what_runs_alone_imports_nothing_of_ours(name):
    path = ROOT / PACKAGE / "tools" / f"{name}.py"
    assert not any(target.startswith(PACKAGE) for target in imports(path))
    others = [imports(other) for other in FILES]
    assert not any(f"{PACKAGE}.tools.{name}" in targets for targets in others)


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_remote_code_is_copied_and_never_imported(path):
    assert "hf_custom_model" not in {target.split(".")[0] for target in imports(path)}
