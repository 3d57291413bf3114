"""The command as a user gives it."""

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from transformer_lm.corpora.cleaning.rules import PRESETS, rule_names
from transformer_lm.corpora.download.sources import SOURCES
from transformer_lm.corpora.readers import all_endings

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "transformer_lm.tools.build_corpus"]


def run(*arguments, **options):
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        **options,
    )


def ids_in(folder):
    return [
        json.loads(line)["id"]
        for path in sorted(folder.glob("*.gz"))
        for line in gzip.decompress(path.read_bytes()).splitlines()
    ]


def test_help_names_every_choice():
    done = run("--help", env={**os.environ, "COLUMNS": "1000"})
    assert done.returncode == 0
    for name in (*all_endings(), *rule_names(), *PRESETS, *SOURCES):
        assert name in done.stdout


def test_neither_jax_nor_tensorflow_is_loaded():
    code = "import sys, transformer_lm.tools.build_corpus as tool; tool.parser();"
    code += "print({'jax', 'tensorflow', 'torch'} & set(sys.modules))"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_text_becomes_a_corpus_in_two_processes(tmp_path):
    (tmp_path / "ja.txt").write_text("一つ目の文書。\n\n二つ目の文書。\n\n" * 30)
    done = run(
        f"--output={tmp_path}/out",
        f"--inputs={tmp_path}/ja.txt",
        "--rules=web,document_length=5-",
        "--deduplicate=exact",
        "--split=1,0,0",
        "--processes=2",
    )
    assert done.returncode == 0, done.stderr
    assert "out: train: 2 documents, 14 characters, 1 files" in done.stdout
    assert "reading: " in done.stderr
    assert len(ids_in(tmp_path / "out")) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--inputs", "none.txt"], "the file none.txt does not exist"),
        (["--inputs", "README.md"], "has an ending that is not understood"),
        ([], "no input: give --inputs or --download"),
        (["--download", "jawiki-xml"], "must be jawiki-xml:DATE"),
        (["--split=98,1,x"], "'98,1,x' is no list of numbers"),
        (["--mixing=none"], "unrecognized arguments: --mixing=none; --help lists"),
    ],
)
def test_a_mistake_is_one_message_and_code_2(tmp_path, arguments, message):
    done = run(f"--output={tmp_path}/out", *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("build_corpus: ")
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_killed_command_given_again_ends_as_if_never_killed(tmp_path):
    (tmp_path / "x.jsonl").write_text(
        "".join(
            json.dumps({"id": i, "text": f"これは{i}番目の文書である。" * 100}) + "\n"
            for i in range(1500)
        )
    )
    arguments = (f"--inputs={tmp_path}/x.jsonl", "--rules=wikipedia", "--processes=1")
    killed = subprocess.Popen(
        [*COMMAND, f"--output={tmp_path}/out", *arguments],
        cwd=ROOT,
        stderr=subprocess.DEVNULL,
    )
    while not any((tmp_path / "out").glob(".scratch/*/*.unfinished")):
        assert killed.poll() is None
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert not any((tmp_path / "out").glob("*.gz"))
    for folder in ("out", "whole"):
        done = run(f"--output={tmp_path}/{folder}", *arguments)
        assert done.returncode == 0, done.stderr
    for path in (tmp_path / "whole").glob("*.gz"):
        assert path.read_bytes() == (tmp_path / "out" / path.name).read_bytes()
    assert len(ids_in(tmp_path / "out")) == 1500
