"""A push to a Hub on this machine, with a token that nobody must see."""

import logging

import huggingface_hub.constants
import pytest
from etils import epath

from tests.tools import fake_hub
from transformer_lm.redaction import without_tokens
from transformer_lm.registry import UserError
from transformer_lm.tools import export_hf, self_check
from transformer_lm.tools.command import start_tool
from transformer_lm.tools.push_to_hub import push

TOKEN = "hf_aSecretThatNobodyMaySee123456789"


@pytest.fixture
def to_hub(monkeypatch, tmp_path):
    """Returns a function that sends huggingface_hub to a Hub, with the token."""

    def send(hub):
        monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", hub.address)
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))

    return send


def test_an_export_is_pushed_whole_and_the_token_is_seen_by_the_hub_alone(
    runs, tmp_path, to_hub, monkeypatch, capfd, caplog
):
    caplog.set_level(logging.DEBUG)
    workdir, output = runs("gpt2"), tmp_path / "export"
    arguments = [f"--workdir={workdir}", f"--output={output}", "--self_check=none"]
    arguments += ["--push_to_hub=user/name", "--formats=safetensors"]
    with fake_hub.serve() as hub:
        to_hub(hub)
        monkeypatch.setattr("sys.argv", ["export_hf", *arguments])
        with pytest.raises(SystemExit) as ended:
            start_tool(export_hf.main, export_hf.parser())
    shown = capfd.readouterr()
    assert ended.value.code == 0, shown.err
    assert f"pushed to {hub.address}/user/name" in shown.out
    assert hub.tokens == {f"Bearer {TOKEN}"}
    assert hub.created[0]["private"] is True
    written = {
        str(path.relative_to(output)): path.read_bytes()
        for path in output.rglob("*")
        if path.is_file()
    }
    assert hub.files == written
    assert {"model.safetensors", "README.md", "config.json"} <= written.keys()
    everything = [shown.out, shown.err, caplog.text]
    everything += [path.read_bytes().decode("latin-1") for path in _files(tmp_path)]
    everything += [path.read_bytes().decode("latin-1") for path in _files(workdir)]
    assert not any(TOKEN in text for text in everything)


def _files(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("refusal", ["no such token:", "Invalid user token."])
def test_a_refusal_is_said_without_the_token(refusal, tmp_path, to_hub):
    (tmp_path / "export").mkdir()
    with fake_hub.serve(refusal) as hub:
        to_hub(hub)
        with pytest.raises(
            UserError, match="could not be pushed to user/name"
        ) as error:
            push(str(tmp_path / "export"), "user/name")
    assert hub.tokens == {f"Bearer {TOKEN}"}
    assert TOKEN not in str(error.value)
    assert error.value.__cause__ is None


def test_a_hub_that_is_not_there_is_said_so(tmp_path, to_hub):
    with fake_hub.serve() as hub:
        pass
    to_hub(hub)
    with pytest.raises(UserError, match="The folder is whole") as error:
        push(str(tmp_path), "user/name")
    assert TOKEN not in str(error.value)


def test_a_token_given_as_a_flag_is_refused_and_not_repeated(monkeypatch, capsys):
    flags = ["export_hf", "--workdir=a", "--output=b", f"--token={TOKEN}"]
    monkeypatch.setattr("sys.argv", flags)
    with pytest.raises(SystemExit) as ended:
        start_tool(export_hf.main, export_hf.parser())
    shown = capsys.readouterr().err
    assert ended.value.code == 2
    assert "--token=[token]" in shown
    assert TOKEN not in shown


def test_an_error_that_quotes_the_token_is_shown_without_it(monkeypatch, tmp_path):
    def refuse(self, *arguments, **options):
        raise OSError(f"cannot send Bearer {TOKEN}")

    monkeypatch.setattr("huggingface_hub.HfApi.create_repo", refuse)
    with pytest.raises(UserError, match=r"cannot send Bearer \[token\]"):
        push(str(tmp_path), "user/name")


def test_a_token_that_looks_like_none_is_known_from_the_environment(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "of.another-shape")
    assert without_tokens("401 for of.another-shape") == "401 for [token]"


def test_the_process_that_loads_an_export_gets_no_token(monkeypatch, tmp_path):
    """An interpreter that tells what it is given stands for Python."""
    for variable in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.setenv(variable, TOKEN)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    python, seen = tmp_path / "python", tmp_path / "seen"
    python.write_text(f"#!/bin/sh\nenv > {seen}\necho no such model >&2\nexit 1\n")
    python.chmod(0o755)
    with pytest.raises(self_check.SelfCheckError, match="no such model"):
        self_check._ask(epath.Path(tmp_path), "pt", {}, str(python))
    assert "PATH=" in seen.read_text()
    assert TOKEN not in seen.read_text()
    # Where a token that was stored by `hf auth login` lies.
    assert str(tmp_path / "home") not in seen.read_text()
