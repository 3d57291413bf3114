r"""Tokenises a corpus once, into shards that a run reads in any order.

  python -m transformer_lm.tools.prepare --corpus=corpora/jawiki --output=prepared/jawiki \
      --kind=wordpiece --vocab_path=tokenizers/jawiki/vocab.txt --sentences

Each file of text becomes a shard, so that several processes can work; an interrupted
command goes on when it is given again. Train from it with --config.dataset_name=prepared
--config.data_path=prepared/jawiki.
"""

import argparse
import contextlib
import importlib.metadata
import os
import platform
from pathlib import Path
from typing import Any

from transformer_lm.corpora.paths import expand
from transformer_lm.corpora.text_files import RECORD_CHARACTERS
from transformer_lm.data.manifest import FILE, SPLITS, Manifest, Rules, describe_counts
from transformer_lm.data.preparation import ShardTask
from transformer_lm.data.shard_runners import run_locally, run_on_beam
from transformer_lm.data.tokenizer_facts import copy_tokenizer
from transformer_lm.registry import UserError, describe_unknown
from transformer_lm.text_values import parse_value
from transformer_lm.tokenizers import TOKENIZERS
from transformer_lm.tools.command import ToolParser, start_tool

_PACKAGES = (
    *("transformer-lm", "array-record", "numpy", "sentencepiece", "fugashi", "ipadic"),
    *("unidic-lite", "unidic", "tinysegmenter", "sudachipy", "sudachidict-core"),
)
"""What decides about ids and bytes, where it is installed."""


def parser() -> argparse.ArgumentParser:
    """Returns the flags."""
    tool = ToolParser(module="transformer_lm.tools.prepare", description=__doc__)
    text = tool.add_argument_group("text: a corpus, or files of each split")
    text.add_argument("--corpus", help="folder that build_corpus has written")
    for split in SPLITS:
        text.add_argument(f"--{split}", help="files or globs, separated by commas")
    tool.add_argument("--output", required=True, help="folder for the shards")
    tool.add_argument(
        "--kind", required=True, choices=list(TOKENIZERS), help="kind of the tokenizer"
    )
    tool.add_argument("--vocab_path", required=True, help="the tokenizer's file")
    tool.add_argument(
        "--tokenizer",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="another key of the tokenizer's settings, such as segmenter=mecab_unidic",
    )
    tool.add_argument(
        "--sentences",
        action="store_true",
        help="cut documents into sentences, each tokenised by itself: pairs need it",
    )
    tool.add_argument(
        "--record_characters",
        type=int,
        default=RECORD_CHARACTERS,
        help="longer documents are cut (default: %(default)s)",
    )
    tool.add_argument(
        "--invalid_utf8",
        choices=["replace", "skip"],
        default="replace",
        help="bytes that are no UTF-8 become U+FFFD (default), or their lines are"
        " skipped",
    )
    tool.add_argument(
        "--processes",
        type=int,
        default=os.cpu_count(),
        help="shards made at once (default: %(default)s)",
    )
    tool.add_argument(
        "--runner",
        choices=["local", "beam"],
        default="local",
        help="processes of this machine (default), or Apache Beam",
    )
    tool.add_argument(
        "--beam_options", default="", help="options of Beam, such as --runner=…"
    )
    return tool


def main(arguments: argparse.Namespace) -> None:
    """Prepares a corpus.

    Raises:
      UserError: if something is not there, or not as it should be.
    """
    if problems := _problems(arguments):
        raise UserError("; ".join(problems))
    splits = {
        split: expand(patterns) for split, patterns in _patterns(arguments).items()
    }
    config = _tokenizer_config(arguments)
    out = Path(arguments.output).expanduser().resolve()
    out.mkdir(parents=True, exist_ok=True)
    tokenizer = copy_tokenizer(arguments.kind, config, out)
    rules = Rules(
        arguments.sentences, arguments.record_characters, arguments.invalid_utf8
    )
    names = {
        split: [f"{split}-{i:05d}-of-{len(paths):05d}" for i in range(len(paths))]
        for split, paths in splits.items()
    }
    _refuse_others(out, {name for some in names.values() for name in some})
    tasks = [
        ShardTask(name, os.fspath(path), str(out), tokenizer, rules)
        for split, paths in splits.items()
        for name, path in zip(names[split], paths, strict=True)
    ]
    if arguments.runner == "beam":
        shards = run_on_beam(tasks, arguments.beam_options)
    else:
        shards = run_locally(tasks, arguments.processes)
    by_name = {shard.name: shard for shard in shards}
    manifest = Manifest(
        tokenizer,
        rules,
        {split: [by_name[name] for name in some] for split, some in names.items()},
        _versions(),
    )
    for left in out.glob("*.unfinished-*"):  # By a command that was killed.
        left.unlink()
    unfinished = out / f"{FILE}.unfinished"
    unfinished.write_text(manifest.to_json())
    unfinished.replace(out / FILE)
    _tell(manifest, out)


def _problems(arguments: argparse.Namespace) -> list[str]:
    """What cannot work, a line each."""
    given = [split for split in SPLITS if getattr(arguments, split)]
    problems = []
    if bool(arguments.corpus) == bool(given):
        problems.append("give either --corpus, or --train and the other splits")
    for name in ("record_characters", "processes"):
        if getattr(arguments, name) < 1:
            problems.append(f"--{name}={getattr(arguments, name)} must be at least 1")
    if "://" in arguments.output:
        problems.append(
            f"--output={arguments.output} must be on a disk (or a mounted bucket):"
            " shards are read by random access"
        )
    if arguments.beam_options and arguments.runner != "beam":
        problems.append("--beam_options has no effect without --runner=beam")
    return problems


def _patterns(arguments: argparse.Namespace) -> dict[str, str]:
    """The files of each split."""
    if not arguments.corpus:
        given = {split: getattr(arguments, split) for split in SPLITS}
        return {split: patterns for split, patterns in given.items() if patterns}
    folder = Path(arguments.corpus).expanduser()
    found = {
        split: str(folder / f"{split}-*.jsonl.gz")
        for split in SPLITS
        if any(folder.glob(f"{split}-*.jsonl.gz"))
    }
    if not found:
        raise UserError(
            f"--corpus={folder} holds no train-*.jsonl.gz; give a folder that"
            " transformer_lm.tools.build_corpus has written, or --train=FILES"
        )
    return found


def _tokenizer_config(arguments: argparse.Namespace) -> Any:  # Any: see TOKENIZERS.
    """The settings of the tokenizer, checked."""
    make = TOKENIZERS[arguments.kind]
    defaults = {k: value for k, value in vars(make()).items() if k != "vocab_path"}
    values: dict[str, Any] = {"vocab_path": arguments.vocab_path}
    for pair in arguments.tokenizer:
        key, _, text = pair.partition("=")
        if key not in defaults:
            raise UserError(describe_unknown("key", key, list(defaults)))
        try:
            values[key] = parse_value(type(defaults[key]), text)
        except ValueError as error:
            raise UserError(f"--tokenizer {pair}: {error}") from error
    config = make(**values)
    if problems := config.problems():
        raise UserError("; ".join(problems))
    return config


def _refuse_others(out: Path, names: set[str]) -> None:
    """Raises if the folder holds shards that this corpus does not have."""
    others = sorted(
        path.name
        for path in out.glob("*.array_record")
        if path.name.removesuffix(".array_record") not in names
    )
    if others:
        raise UserError(
            f"--output={out} holds shards of other text: {', '.join(others[:5])}; give"
            " another folder, or remove it"
        )


def _versions() -> dict[str, str]:
    """What made the data."""
    installed = {}
    for package in _PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            installed[package] = importlib.metadata.version(package)
    return {"python": platform.python_version(), **installed}


def _tell(manifest: Manifest, out: Path) -> None:
    """Says what was made."""
    for split, shards in manifest.splits.items():
        text = describe_counts(manifest.counts(split))
        print(f"{split}: {text} in {len(shards)} shard{'s' * (len(shards) > 1)}")
        for shard in shards:
            for kind, count in shard.faults.items():
                print(f"  {shard.source}: {kind}: {count}")
    print(
        f"train from it: --config.dataset_name=prepared --config.data_path={out}"
        f" (tokenizer {manifest.tokenizer.kind})"
    )


if __name__ == "__main__":
    start_tool(main, parser())
