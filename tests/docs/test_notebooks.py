"""Each notebook is executed from its first cell to its last, with few steps."""

import re
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))
FEW = {"STEPS = 1800": "STEPS = 36"}


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_notebook_runs(path, tmp_path, monkeypatch):
    nbclient = pytest.importorskip("nbclient", reason="make notebooks installs it")
    nbformat = pytest.importorskip("nbformat")
    if "torch" in path.read_text():
        pytest.importorskip("torch", reason="make notebooks installs it")
    for name in ("transformer_lm", "configs", "hf_custom_model"):
        (tmp_path / name).symlink_to(ROOT / name)
    for name in ("main.py", "generate_text.py"):
        shutil.copy(ROOT / name, tmp_path)
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        for many, few in FEW.items():
            cell.source = cell.source.replace(many, few)
    done = nbclient.NotebookClient(
        notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    printed = "".join(
        output.get("text", "")
        for cell in done.cells
        for output in cell.get("outputs", [])
    )
    # A command that fails does not end a cell.
    assert not re.search(r"^(main\.py|generate_text\.py|\w+): ", printed, re.MULTILINE)
    assert "Traceback" not in printed


def test_notebooks_are_committed_without_output():
    assert NOTEBOOKS
    for path in NOTEBOOKS:
        text = path.read_text()
        assert '"execution_count": null' in text
        assert not re.search(r'"outputs": \[\n', text), path.name
