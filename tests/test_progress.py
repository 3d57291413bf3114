import io
import logging
import pathlib
import re
import sys
import warnings
from collections.abc import Iterator

import pytest
from etils import epath

from transformer_lm.log import LOG_FILE, ObjectStoreHandler, setup_logging
from transformer_lm.metrics import MetricWriter
from transformer_lm.progress import Progress

SPEEDS = {"train_loss": 2.5, "tokens_per_second": 12345.6, "mfu": 31.27}


class Screen(io.StringIO):
    def __init__(self, is_terminal: bool) -> None:
        super().__init__()
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


def watch(monkeypatch: pytest.MonkeyPatch, *, is_terminal: bool = False) -> Screen:
    # No fixture: pytest puts its own stderr in place between set-up and test.
    screen = Screen(is_terminal)
    monkeypatch.setattr(sys, "stderr", screen)
    return screen


@pytest.fixture(autouse=True)
def _restored_logging() -> Iterator[None]:
    yield
    logging.captureWarnings(False)
    for name in ("transformer_lm", "py.warnings"):
        logger = logging.getLogger(name)
        for handler in logger.handlers[:]:
            logger.removeHandler(handler)
            handler.close()
    logging.getLogger("transformer_lm").setLevel(logging.NOTSET)


def test_each_sink_has_one_line_of_a_step(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = watch(monkeypatch)
    logger = setup_logging(str(tmp_path))
    writer = MetricWriter(str(tmp_path), tensorboard=False)
    with Progress(total_steps=1000, first_step=0, enabled=True) as bar:
        bar.update(99, {})
        writer.scalars(100, SPEEDS)
        bar.update(100, SPEEDS | {"steps_per_second": 2.0})
    logger.info("saved")
    stamp = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} INFO: "
    shown, saved = screen.getvalue().splitlines()
    assert re.fullmatch(stamp + "saved", saved)
    assert re.sub(stamp, "", shown) == (
        "step 100/1000 (10 %): loss 2.5, 12,346 tokens/s, MFU 31.27 %, ETA 0:07:30"
    )
    in_file, saved = (tmp_path / LOG_FILE).read_text().splitlines()
    assert re.fullmatch(stamp + "saved", saved)
    assert in_file.endswith(
        "step 100: train_loss 2.5, tokens_per_second 12,346, mfu 31.27"
    )


def test_a_terminal_has_a_bar_that_log_lines_do_not_tear(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = watch(monkeypatch, is_terminal=True)
    logger = setup_logging(str(tmp_path))
    with Progress(total_steps=10, first_step=4, enabled=True) as bar:
        bar.update(5, SPEEDS | {"steps_per_second": 0.5})
        logger.info("saved")
        bar.update(6, {})
    text = re.sub(r"\x1b\[[\d;]*[mA]", "", terminal.getvalue())
    lines = [line.split("\r")[-1] for line in text.split("\n")]
    assert any(line.endswith("INFO: saved") and "|" not in line for line in lines)
    assert "5/10, loss 2.5, 12,346 tokens/s, MFU 31.27 %, ETA 0:00:10" in text
    assert "60%|" in lines[-2]


def test_no_bar_and_no_colour_off_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = watch(monkeypatch)
    with Progress(total_steps=10, first_step=0, enabled=True) as bar:
        bar.update(5, SPEEDS)
    assert screen.getvalue() == ""


def test_no_color_is_heeded(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = watch(monkeypatch, is_terminal=True)
    monkeypatch.setenv("NO_COLOR", "1")
    with Progress(total_steps=10, first_step=0, enabled=True) as bar:
        bar.update(5, SPEEDS)
    assert "50%|" in terminal.getvalue()
    assert "\x1b[3" not in terminal.getvalue()


def test_eta_follows_the_measured_speed_smoothly_and_passes_over_nan(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = watch(monkeypatch)
    setup_logging(str(tmp_path))
    with Progress(total_steps=1010, first_step=0, enabled=True) as bar:
        for speed in (1.0, 2.0, float("nan"), 0.0):
            bar.update(10, {"steps_per_second": speed})
    etas = re.findall(r"ETA (\S+)", screen.getvalue())
    assert etas == ["0:16:40", "0:12:49", "0:12:49", "0:12:49"]  # 1000 s, 1000 / 1.3 s


def test_other_processes_show_warnings_only(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = watch(monkeypatch)
    logger = setup_logging(str(tmp_path / "run"), enabled=False)
    with Progress(total_steps=10, first_step=0, enabled=False) as bar:
        bar.update(5, SPEEDS)
    logger.info("quiet")
    logger.warning("loud")
    assert screen.getvalue().endswith("WARNING: loud\n")
    assert "quiet" not in screen.getvalue()
    assert not (tmp_path / "run").exists()


def test_warnings_are_logged(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = watch(monkeypatch)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(False)
        setup_logging(str(tmp_path))
        warnings.warn("look here", stacklevel=1)
    assert "UserWarning: look here" in (tmp_path / LOG_FILE).read_text()
    assert "UserWarning: look here" in screen.getvalue()


def test_a_line_is_shown_once_after_a_second_setup(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = watch(monkeypatch)
    setup_logging(str(tmp_path / "first"))
    logger = setup_logging(str(tmp_path / "second"))
    logger.warning("once")
    assert screen.getvalue().count("once") == 1
    assert (tmp_path / "first" / LOG_FILE).read_text() == ""
    assert "once" in (tmp_path / "second" / LOG_FILE).read_text()


def test_a_resumed_run_goes_on_in_the_same_log(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch(monkeypatch)
    for text in ("first", "second"):
        setup_logging(str(tmp_path)).info(text)
    log = (tmp_path / LOG_FILE).read_text()
    assert log.index("first") < log.index("second")


def test_a_log_in_an_object_store_is_rewritten_now_and_then(
    tmp_path: pathlib.Path,
) -> None:
    path = tmp_path / "train.log"
    path.write_text("before\n")
    handler = ObjectStoreHandler(epath.Path(path), seconds=3600)
    record = logging.makeLogRecord({"msg": "now"})
    handler.handle(record)
    assert path.read_text() == "before\n"
    handler.close()
    assert path.read_text() == "before\nnow\n"
    eager = ObjectStoreHandler(epath.Path(path), seconds=0)
    eager.handle(record)
    assert path.read_text() == "before\nnow\nnow\n"
    eager.close()


def test_an_object_store_that_refuses_costs_nothing_but_time(
    tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = epath.Path(tmp_path / "run" / "train.log")
    handler = ObjectStoreHandler(path, seconds=0)
    handler.handle(logging.makeLogRecord({"msg": "first"}))
    assert "train.log cannot be written ([Errno 2]" in caplog.messages[0]
    path.parent.mkdir()
    handler.handle(logging.makeLogRecord({"msg": "second"}))
    handler.close()
    assert path.read_text() == "first\nsecond\n"
    assert len(caplog.messages) == 1


def test_a_full_disk_is_said_once(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = watch(monkeypatch)
    (tmp_path / LOG_FILE).symlink_to("/dev/full")
    logger = setup_logging(str(tmp_path))
    logger.info("first")
    logger.info("second")
    first, message, second = screen.getvalue().splitlines()
    assert first.endswith("first")
    assert message.endswith(
        f" WARNING: {tmp_path}/train.log cannot be written ([Errno 28] No space left on"
        " device): lines are missing from it from here on"
    )
    assert second.endswith("second")


def test_a_closed_screen_does_not_stop_training(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Closed(Screen):
        def write(self, text: str) -> int:
            raise BrokenPipeError(text)

    monkeypatch.setattr(sys, "stderr", Closed(is_terminal=False))
    setup_logging(str(tmp_path)).info("still here")
    assert "still here" in (tmp_path / LOG_FILE).read_text()
