"""The wheel, made from the sdist, installed alone and used from another folder."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NEEDED = (
    *("transformer_lm", "configs", "hf_custom_model", "setup.py", "pyproject.toml"),
    *("requirements.txt", "README.md", "LICENSE"),
)
SHORT = (
    *("num_train_steps=2", "warmup_steps=1", "eval_every_steps=2", "num_eval_steps=1"),
    *("checkpoint_every_steps=2", "tensorboard=false", "max_predict_length=5"),
)


def run(*command, cwd, code=0):
    """What a command prints, without this repository on Python's path."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [*map(str, command)],
        cwd=cwd,
        env={**environment, "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout if code == 0 else done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built as pip builds it, in a copy, because setuptools writes beside its sources."""
    folder = tmp_path_factory.mktemp("source")
    for name in NEEDED:
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, folder / name, ignore=ignored)
        else:
            shutil.copy(ROOT / name, folder)
    sdist = "from setuptools.build_meta import build_sdist; build_sdist('dist')"
    run(sys.executable, "-c", sdist, cwd=folder)
    (source,) = (folder / "dist").glob("*.tar.gz")
    build = ("wheel", "--no-deps", "--no-build-isolation", "--no-index", source)
    run(sys.executable, "-m", "pip", *build, cwd=folder)
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def commands(wheel, tmp_path_factory):
    """The bin folder of an environment that has the wheel, and borrows what it needs."""
    folder = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder)
    python = folder / "bin" / "python"
    install = ("install", "--no-deps", "--no-index", wheel)
    run(sys.executable, "-m", "pip", "--python", python, *install, cwd=folder)
    (packages,) = folder.glob("lib/python*/site-packages")
    # A path that a .pth file adds has no .pth files read: this repository stays out.
    (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "bin"


def test_the_wheel_has_every_file_and_no_other_folder(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {name.split("/")[0].split("-")[0] for name in names} == {"transformer_lm"}
    folders = [
        f"hf_custom_model/{n}" for n in ("segmented_tokenizer", "transformer_lm")
    ]
    for folder in ("transformer_lm", "configs", *folders):
        files = ROOT.joinpath(folder).rglob("*.py")
        inside = {str(path.relative_to(ROOT)) for path in files}
        if folder != "transformer_lm":
            inside = {f"transformer_lm/{name}" for name in inside}
        assert inside
        assert not inside - names


def test_train_and_generate_from_another_folder(commands, tmp_path):
    keys = [f"--config.{key}" for key in SHORT]
    train = commands / "transformer-lm-train"
    printed = run(train, "--config=tiny:gpt2", *keys, cwd=tmp_path)
    assert "transformer-lm-generate --workdir=runs/tiny_gpt2" in printed
    workdir = Path("runs", "tiny_gpt2")
    saved = json.loads((tmp_path / workdir / "settings.json").read_text())
    assert saved["model"] == "gpt2"
    generate = commands / "transformer-lm-generate"
    text = run(
        generate, f"--workdir={workdir}", "--num_generated_texts=2", cwd=tmp_path
    )
    assert text.count("昨日、") == 2


def test_shipped_configs_and_code_of_exports_are_found(commands, tmp_path):
    train = commands / "transformer-lm-train"
    wanted = ("--print_config", f"--config.data_path={__file__}")
    values = run(train, "--config=configs/gpt2_ja_medium.py", *wanted, cwd=tmp_path)
    assert json.loads(values)["num_layers"] == 24
    errors = run(train, "--config=quikstart", cwd=tmp_path, code=2)
    assert "Did you mean 'quickstart'" in errors
    assert "Traceback" not in errors
    program = (
        "import transformer_lm, transformer_lm.convert.remote_code as remote;"
        "print(transformer_lm.__file__);"
        "print(remote.write_remote_code('transformer_lm', '.'));"
        "print(remote.write_remote_code('segmented_tokenizer', '.'))"
    )
    printed = run(commands / "python", "-c", program, cwd=tmp_path)
    assert printed.startswith(str(commands.parent))
    assert "modeling_flax_transformer_lm.py" in printed
    assert (tmp_path / "tokenization_segmented.py").is_file()
