"""Small corpora, prepared for tests."""

import json
from pathlib import Path

from transformer_lm.tokenizers.sentencepiece import SentencePieceConfig
from transformer_lm.tools.prepare import main, parser

VILLAGE = Path(__file__).parent / "fishing_village.txt"
LINES = [line for line in VILLAGE.read_text("utf-8").split("\n") if line]
OPTIONS = "--character_coverage=0.98 --byte_fallback=true"
CONFIG = SentencePieceConfig(
    vocab_size=560, spm_train_options=OPTIONS, special_tokens="[CLS],[SEP],[MASK]"
)


def texts(first: int, count: int) -> list[str]:
    """Documents of one to three lines that say which they are."""
    return [
        f"{i}番目。" + "".join(LINES[i % 20 : i % 20 + 1 + i % 3])
        for i in range(first, first + count)
    ]


def write_texts(path: Path, documents: list[str]) -> Path:
    """Writes a JSON Lines file."""
    lines = (json.dumps({"text": text}) + "\n" for text in documents)
    path.write_text("".join(lines))
    return path


def prepare(out: Path, vocabulary: Path, *arguments: str, **splits: object) -> Path:
    """Runs the tool."""
    files = [f"--{split}={paths}" for split, paths in splits.items()]
    flags = [f"--output={out}", "--kind=sentencepiece", f"--vocab_path={vocabulary}"]
    main(parser().parse_args([*flags, "--processes=1", *files, *arguments]))
    return out
