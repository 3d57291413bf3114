"""No file that is read as data can become code: read from the source."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = [
    *sorted((ROOT / "transformer_lm").rglob("*.py")),
    *sorted((ROOT / "hf_custom_model").rglob("*.py")),
    *[ROOT / "main.py", ROOT / "generate_text.py"],
]
UNPICKLING = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
ARCHIVES = {"tarfile", "zipfile", "shutil.unpack_archive"}
RUNS_CODE = {"eval", "exec", "compile", "__import__"}
ASKS_FOR_REMOTE_CODE = {"loads_alone.py", "card_snippets.py"}
"""One loads an export that was made the moment before, in a process of its own; the other
writes it into the program of a model card."""


def _calls(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_is_unpickled_unpacked_or_evaluated(path):
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name.partition(".")[0] for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [(node.module or "").partition(".")[0]]
        assert not {*names} & (UNPICKLING | ARCHIVES), f"{path}:{node.lineno}"
    for name, call in _calls(tree):
        where = f"{path}:{call.lineno}: {name}"
        assert name not in RUNS_CODE, where
        assert name not in ("yaml.load", "torch.load", "pd.read_pickle"), where
        keywords = {
            keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords
        }
        assert keywords.get("allow_pickle", "False") == "False", where
        assert keywords.get("shell", "False") != "True", where
        if keywords.get("trust_remote_code", "False") != "False":
            assert path.name in ASKS_FOR_REMOTE_CODE, where


def test_numpy_still_refuses_pickles_unless_asked(tmp_path):
    """Which `np.load` without `allow_pickle` builds on."""
    import numpy as np

    np.save(tmp_path / "x.npy", np.array([{}], object), allow_pickle=True)
    with pytest.raises(ValueError, match="allow_pickle=False"):
        np.load(tmp_path / "x.npy")
