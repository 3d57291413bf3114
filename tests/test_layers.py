"""Who may import whom (docs/architecture.md), read from the source."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = "transformer_lm"
FILES = sorted((ROOT / PACKAGE).rglob("*.py"))

LEVELS = {
    "registry": 0,
    "environment": 0,
    "exit_codes": 0,
    "orphans": 0,
    "settings": 1,
    "models": 1,
    "objectives": 1,
    "data": 1,
    "corpora": 1,
    "tokenizers": 1,
    "optim": 1,
    "parallel": 1,
    "config": 2,
    "checkpoint": 2,
    "checksums": 2,
    "metrics": 2,
    "progress": 2,
    "throughput": 2,
    "train": 3,
    "convert": 3,
    "sampling": 3,
    "token_choice": 2,
    "tools": 4,
    "command_line": 4,
}
"""A module may import from lower levels, and what is allowed below."""

ALLOWED_ACROSS = {
    ("data", "tokenizers"),
    ("data", "corpora"),
    ("checkpoint", "config"),
    ("checkpoint", "checksums"),
    ("progress", "metrics"),
    ("train", "sampling"),
    ("train", "convert"),
    ("train", "tools"),
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
        assert part_of(module_of(path)) in ("data", "tokenizers", "metrics")


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
