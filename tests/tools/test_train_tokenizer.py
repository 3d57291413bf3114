"""The command that trains tokenizers, as a user runs it."""

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest

from transformer_lm.registry import UserError
from transformer_lm.tokenizers import TOKENIZERS
from transformer_lm.tools import train_tokenizer

VILLAGE = Path(__file__).parents[1] / "data" / "fishing_village.txt"
OPTIONS = {
    "sentencepiece": {
        "vocab_size": "560",
        "spm_train_options": "--character_coverage=0.98 --byte_fallback=true",
    },
    "wordpiece": {"vocab_size": "900", "segmenter": "mecab_unidic_lite"},
    "character": {"lower_case": "true", "num_unused_tokens": "2"},
}


def arguments_of(**options):
    words = [f"--{name}={value}" for name, value in options.items()]
    return train_tokenizer.parser().parse_args(words)


def trained(output, **options):
    train_tokenizer.main(
        arguments_of(**{"input": VILLAGE, "output": output, **options})
    )
    return {path.name: path.read_bytes() for path in Path(output).iterdir()}


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_what_it_writes_is_used_by_vocab_path(kind, tmp_path, capsys):
    files = trained(tmp_path / "out", kind=kind, **OPTIONS[kind])
    path = capsys.readouterr().out.strip()
    keys = train_tokenizer.config_from(
        arguments_of(kind=kind, input="x", output="x", **OPTIONS[kind])
    )
    config = type(keys)(**{**vars(keys), "vocab_path": path})
    tokenizer = config.load("")
    assert dict(tokenizer.files) == files
    assert tokenizer.decode(tokenizer.encode("港の朝は早い。")) == "港の朝は早い。"


def test_a_sample_is_drawn_from_all_files_and_processes_do_not_matter(tmp_path):
    first, second = tmp_path / "a.jsonl.gz", tmp_path / "b.txt"
    lines = [f"海の{number}番目の文です。" for number in range(300)]
    with gzip.open(first, "wt", encoding="utf-8") as file:
        for line in lines:
            file.write(json.dumps({"text": line}) + "\n")
    second.write_text("\n".join(f"山{line}" for line in lines), "utf-8")
    keys = {"kind": "wordpiece", "vocab_size": 300, "sample_characters": 1500}
    one = trained(tmp_path / "1", input=f"{first},{second}", **keys)
    other = trained(tmp_path / "2", input=f"{second},{first}", processes=2, **keys)
    assert one == other
    assert "山\n" in one["vocab.txt"].decode()
    assert one != trained(tmp_path / "3", input=f"{first},{second}", seed=1, **keys)


def test_all_mistakes_are_told_at_once(tmp_path):
    options = {
        "kind": "sentencepiece",
        "segmenter": "none",
        "vocab_size": 1,
        "processes": 2,
        "seed": 3,
    }
    with pytest.raises(UserError) as raised:
        trained(tmp_path, **options)
    for mistake in (
        "--segmenter is no option of --kind=sentencepiece",
        "vocab_size=1 must be",
        "--processes has no effect on --kind=sentencepiece",
        "--seed has no effect",
    ):
        assert mistake in str(raised.value)
    with pytest.raises(UserError, match="both say how much text"):
        trained(tmp_path, kind="character", sample_characters=5, max_corpus_chars=5)
    with pytest.raises(UserError, match="--sample_characters must be at least 1"):
        trained(tmp_path, kind="character", sample_characters=0)


def test_nothing_is_written_over(tmp_path):
    before = trained(tmp_path, kind="character")
    with pytest.raises(
        UserError, match=r"vocab\.txt exists already; delete it, or choo"
    ):
        trained(tmp_path, kind="wordpiece")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_faulty_lines_are_counted(tmp_path, caplog):
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "港の朝"}\nnothing\n{"text": "海の夜"}\n', "utf-8")
    trained(tmp_path / "out", kind="character", input=path)
    told = [record.getMessage() for record in caplog.records]
    assert "invalid JSON lines skipped: 1" in told
    assert any(f"{path}:2" in line for line in told)


def test_as_a_process_it_says_what_it_does_and_fails_in_a_line(tmp_path):
    def run(*options):
        command = [sys.executable, "-m", "transformer_lm.tools.train_tokenizer"]
        return subprocess.run(
            [*command, f"--input={VILLAGE}", f"--output={tmp_path}", *options],
            capture_output=True,
            text=True,
            check=False,
        )

    good = run("--kind=character", "--segmenter=tinysegmenter")
    assert good.returncode == 0
    assert good.stdout == f"{tmp_path}/vocab.txt\n"
    assert "trained a vocabulary of" in good.stderr
    bad = run("--kind=wordpiece", "--segmenter=mecab_ipa")
    assert bad.returncode == 2
    assert "Did you mean 'mecab_ipadic'" in bad.stderr
    assert "Traceback" not in bad.stderr
