"""The two programs as a user runs them: what they print when something is wrong."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TINY = f"--config={ROOT}/configs/tiny.py"
SHORT = (
    "--config.num_train_steps=4",
    "--config.warmup_steps=2",
    "--config.eval_every_steps=4",
    "--config.checkpoint_every_steps=2",
    "--config.num_eval_steps=1",
)
SENTENCES = (ROOT / "tests" / "data" / "fishing_village.txt").read_text()


def run(program, *arguments, code=0, cwd=None, before=()):
    result = subprocess.run(
        [*before, sys.executable, str(ROOT / program), *map(str, arguments)],
        env={**os.environ, "JAX_PLATFORMS": "cpu", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        cwd=cwd,
    )
    assert result.returncode == code, result.stdout + result.stderr
    if code:
        assert "Traceback" not in result.stderr
    return result.stdout, result.stderr


@pytest.fixture(scope="module")
def text_run(tmp_path_factory):
    """A run on text files: plain, gzip and JSON lines, with a line of bad bytes."""
    folder = tmp_path_factory.mktemp("text")
    documents = [part for part in SENTENCES.split("\n\n") if part.strip()]
    (folder / "a.txt").write_text("\n\n".join(documents * 3))
    with gzip.open(folder / "b.txt.gz", "wt") as file:
        file.write("\n\n".join(documents * 3))
    with (folder / "c.jsonl").open("w") as file:
        file.writelines(json.dumps({"text": d}) + "\n" for d in documents * 3)
    with (folder / "c.jsonl").open("ab") as file:
        file.write(b'{"text": 5}\nnot json\n')
    with (folder / "a.txt").open("ab") as file:
        file.write("\n\n最後の行は".encode() + b"\xff\xfe" + "壊れている。\n".encode())
    files = ",".join(str(folder / name) for name in ("*.txt", "*.txt.gz", "c.jsonl"))
    _, errors = run(
        "main.py",
        TINY,
        f"--workdir={folder / 'run'}",
        "--config.dataset_name=text_files",
        f"--config.data_path={files}",
        *SHORT,
    )
    return folder, errors


def test_text_files_train_and_what_was_wrong_is_reported(text_run):
    folder, errors = text_run
    assert "c.jsonl" in errors
    assert "a.txt" in errors
    assert errors.count("attention: xla") == 1, "lines are shown once"
    data = json.loads((folder / "run" / "data.json").read_text())
    assert data["step"] == 4
    assert data["documents"] > 0
    assert data["tokens"] > 0
    page = (folder / "run" / "report.html").read_text()
    assert "c.jsonl" in page[page.index("<h2>Data") : page.index("<h2>Settings")]


def test_generate_text_needs_the_work_folder_alone(text_run, tmp_path):
    folder, _ = text_run
    output = tmp_path / "texts.jsonl"
    texts, _ = run(
        "generate_text.py",
        f"--workdir={folder / 'run'}",
        "--num_generated_texts=3",
        "--config.prompts=昨日、;;山",
        "--config.sampling_temperature=0.6",
        "--config.sampling_top_k=20",
        "--config.seed=0",
        f"--output={output}",
        cwd=tmp_path,
    )
    lines = texts.strip().split("\n")
    records = [json.loads(line) for line in output.read_text().splitlines()]
    assert [record["prompt"] for record in records] == ["昨日、"] * 3 + ["山"] * 3
    assert [record["text"] for record in records] == lines
    assert all(line.startswith("昨日、") for line in lines[:3])
    assert {record["step"] for record in records} == {4}


def test_generate_text_takes_a_config_and_prompts_from_a_file(text_run, tmp_path):
    folder, _ = text_run
    (tmp_path / "prompts.txt").write_text("春は\n\n夏は\n")
    texts, _ = run(
        "generate_text.py",
        f"--workdir={folder / 'run'}",
        f"--config={ROOT}/configs/japanese_0.1b_v1.py",
        f"--prompts_file={tmp_path / 'prompts.txt'}",
        "--config.max_predict_length=20",
    )
    lines = texts.strip().split("\n")
    assert [line[:2] for line in lines] == ["春は", "夏は"]


def test_generate_text_does_not_need_tensorflow(text_run, tmp_path):
    folder, _ = text_run
    (tmp_path / "tensorflow.py").write_text("raise ImportError('not here')\n")
    program = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r});"
        f"sys.argv = ['generate_text.py', '--workdir={folder / 'run'}'];"
        f"import runpy; runpy.run_path({str(ROOT / 'generate_text.py')!r},"
        " run_name='__main__')"
    )
    result = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("昨日、")


def test_print_config_prints_all_keys_and_does_nothing(tmp_path):
    output, _ = run("main.py", TINY, "--config.seed=7", "--print_config", cwd=tmp_path)
    values = json.loads(output)
    assert values["seed"] == 7
    assert values["model"] == "transformer_lm"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["--config=configs/nothing.py"], "there is no file configs/nothing.py"),
        ([TINY, "--config.emb_dim=x"], "emb_dim='x' must be of type int"),
        ([TINY, "--workdri=x"], "unrecognized arguments: --workdri=x; --help lists"),
        ([TINY, "run"], "unrecognized arguments: run"),
        (
            [TINY, "--config.dataset_name=text_files"],
            "needs files: set data_path",
        ),
        (
            [
                TINY,
                "--config.dataset_name=text_files",
                "--config.data_path=/no/such/*.txt",
            ],
            "/no/such/*.txt",
        ),
        (
            [TINY, "--config.vocab_size=100000", "--config.spm_train_options="],
            "--config.vocab_size",
        ),
        ([TINY, "--config.dataset_name=wiki41b/ja"], "Did you mean 'wiki40b/ja'"),
        ([TINY, "--config.fsdp_parallel=2"], "makes 2 devices; there are 1"),
    ],
)
def test_mistakes_are_one_plain_message(tmp_path, arguments, wanted):
    _, errors = run(
        "main.py", *arguments, f"--workdir={tmp_path / 'run'}", code=2, cwd=tmp_path
    )
    message = errors[errors.index("main.py: ") :]
    assert wanted in message


def test_generate_text_explains_an_empty_folder(tmp_path):
    _, errors = run("generate_text.py", f"--workdir={tmp_path}", code=2)
    assert "is not the work folder of a run" in errors


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    _, errors = run("main.py", TINY, f"--workdir={tmp_path / 'file' / 'run'}", code=2)
    assert "cannot be written to" in errors


def test_a_network_too_large_for_the_memory_is_one_message(tmp_path):
    _, errors = run(
        "main.py", TINY, f"--workdir={tmp_path}", "--config.mlp_dim=40000000000", code=2
    )
    assert "the devices have too little memory" in errors
    assert "grad_accumulation_steps" in errors


def test_a_full_disk_leaves_what_was_saved(text_run, tmp_path):
    """A limit on the size of files stands for the full disk."""
    folder, _ = text_run
    workdir = folder / "run"
    before = sorted((workdir / "checkpoints").iterdir())

    _, errors = run(
        "main.py",
        TINY,
        f"--workdir={workdir}",
        *SHORT[1:],
        "--config.num_train_steps=8",
        "--config.tensorboard=false",
        "--config.dataset_name=text_files",
        f"--config.data_path={folder / 'a.txt'}",
        code=2,
        before=("bash", "-c", 'ulimit -f 60; exec "$@"', "bash"),
    )
    errors = errors[errors.index("main.py: ") :]
    assert "could not be written" in errors
    assert "goes on from step 4" in errors
    assert sorted((workdir / "checkpoints").glob("[0-9]")) == before
    run("generate_text.py", f"--workdir={workdir}")
