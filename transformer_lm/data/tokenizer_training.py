"""The vocabulary of a run: loaded, or trained on the run's own text on first use."""

import logging
import time
from collections.abc import Iterator
from typing import TypeVar

from etils import epath

from transformer_lm.data.graph import PythonCalls, import_tensorflow
from transformer_lm.data.opening import open_records
from transformer_lm.data.shuffling import Order, text_groups
from transformer_lm.data.source import Source
from transformer_lm.data.windows import Windows
from transformer_lm.registry import UserError
from transformer_lm.tokenizers.interface import Tokenizer, TokenizerConfig

_Trained = TypeVar("_Trained", bound=Tokenizer)

_PATIENCE_SECONDS = 4 * 3600


def train_or_load_tokenizer(
    config: TokenizerConfig[_Trained],
    source: Source,
    workdir: str,
    *,
    windows: Windows | None = None,
    process_index: int = 0,
    process_count: int = 1,
    patience_seconds: float = _PATIENCE_SECONDS,
) -> _Trained:
    """Loads a run's tokenizer; trains it first where it does not exist yet.

    Args:
      config: the tokenizer's settings.
      source: the text; only the training split is looked at.
      workdir: work folder, shared by all hosts.
      windows: how long rows are, so that the training split is cut as in training.
      process_index: this host; host 0 trains, the others wait for its file.
      process_count: number of hosts.
      patience_seconds: how long they wait.

    Raises:
      UserError: if there is no text, or host 0 does not write the file in time.
    """
    path = epath.Path(config.path(workdir))
    if not path.exists():
        if process_index == 0:
            log = logging.getLogger(__name__)
            log.info("training the vocabulary %s", path)
            started = time.monotonic()
            texts = training_texts(source, windows or Windows())
            trained = config.train(texts, workdir)
            log.info(
                "trained a vocabulary of %d tokens in %.0f s",
                trained.vocab_size,
                time.monotonic() - started,
            )
            return trained
        _wait_for(path, patience_seconds, process_count)
    tokenizer = config.load(workdir)
    if config.vocab_path and tokenizer.vocab_size != config.vocab_size:
        logging.getLogger(__name__).warning(
            "%s has %d tokens; vocab_size=%d only matters when a vocabulary is trained",
            path,
            tokenizer.vocab_size,
            config.vocab_size,
        )
    return tokenizer


def training_texts(source: Source, windows: Windows) -> Iterator[str]:
    """Yields the texts of the training split, in shuffled windows of records.

    Raises:
      UserError: if the text is not there.
    """
    import_tensorflow()
    calls = PythonCalls()
    records = open_records(source.training(), windows, calls)
    order = Order(source.shuffle_buffer_size, seed=0, repeat=False)
    try:
        for group in text_groups(records, order, calls):
            for text in records.preprocess(group["text"]).numpy():
                yield text.decode(errors="replace")
    except import_tensorflow().errors.OpError:
        calls.raise_kept()
        raise


def _wait_for(path: epath.Path, patience_seconds: float, process_count: int) -> None:
    """Returns when the file is there; it is written under another name first."""
    deadline = time.monotonic() + patience_seconds
    while not path.exists():
        if time.monotonic() > deadline:
            raise UserError(
                f"waited {patience_seconds:.0f} s for {path}, which the first of"
                f" {process_count} processes trains; give all of them one shared workdir"
                " (gs:// or a network folder), or copy the file there"
            )
        time.sleep(min(1.0, patience_seconds / 10))
