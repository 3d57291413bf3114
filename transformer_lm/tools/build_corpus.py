"""Builds a corpus of clean documents from dumps, web text and files."""

import argparse
import os
from typing import Any

from transformer_lm.corpora.build.corpus import build
from transformer_lm.corpora.build.settings import BuildSettings
from transformer_lm.corpora.cleaning.rules import PRESETS, rule_names
from transformer_lm.corpora.download.sources import SOURCES, download_source
from transformer_lm.corpora.readers import all_endings
from transformer_lm.tools.command import ToolParser, start_tool

_DESCRIPTION = """\
Builds a corpus: reads sources, cleans and selects documents, splits them into train,
validation and test, and writes JSON Lines shards and manifest.json.

  python -m transformer_lm.tools.build_corpus --output=corpora/wiki \\
      --download jawiki-xml:20260101 --rules=wikipedia --deduplicate=exact

docs/data.md has more. An interrupted build goes on when the command is given again."""


def main(arguments: argparse.Namespace) -> None:
    """Downloads what was asked for, then builds."""
    downloaded = [
        download_source(source, arguments.downloads, arguments.mirror)
        for source in arguments.download
    ]
    settings = BuildSettings(
        output=arguments.output,
        inputs=(*arguments.inputs, *downloaded),
        names=arguments.names,
        rules=arguments.rules,
        skip_ids=arguments.skip_ids,
        deduplicate=arguments.deduplicate,
        near_threshold=arguments.near_threshold,
        shingle_characters=arguments.shingle_characters,
        split=arguments.split,
        mix=arguments.mix,
        weights=arguments.weights,
        shard_characters=arguments.shard_characters,
        text_field=arguments.text_field,
        id_field=arguments.id_field,
        invalid_utf8=arguments.invalid_utf8,
        processes=arguments.processes,
        scratch=arguments.scratch,
        overwrite=arguments.overwrite,
    )
    manifest = build(settings)
    print(_summary(arguments.output, manifest))


def parser() -> argparse.ArgumentParser:
    """Returns the parser of the command line."""
    made = ToolParser(
        module="transformer_lm.tools.build_corpus", description=_DESCRIPTION
    )
    made.add_argument(
        "--output", required=True, help="folder of the corpus, local or gs://"
    )
    defaults = BuildSettings(output="", inputs=())
    _add_sources(made.add_argument_group("sources"), defaults)
    _add_cleaning(made.add_argument_group("cleaning"), defaults)
    _add_result(made.add_argument_group("result"), defaults)
    _add_work(made.add_argument_group("work"))
    return made


def _add_sources(group: argparse._ArgumentGroup, defaults: BuildSettings) -> None:
    """Adds what says which text is read."""
    group.add_argument(
        "--inputs",
        nargs="+",
        default=[],
        metavar="FILES",
        help="one argument a corpus: files or globs, separated by commas, local or gs://;"
        f" the ending says the format: {' '.join(all_endings())}",
    )
    group.add_argument(
        "--names",
        type=_words,
        default=(),
        help="a name for each corpus, separated by commas, downloads last; with several"
        " corpora it stands before the ids (default: corpus1,corpus2)",
    )
    group.add_argument(
        "--download",
        nargs="+",
        default=[],
        metavar="SOURCE",
        help=f"sources to download and add: {', '.join(SOURCES)}",
    )
    group.add_argument(
        "--downloads",
        default="downloads",
        help="folder for downloaded files (default: %(default)s)",
    )
    group.add_argument("--mirror", help="address to use in place of the source's own")
    group.add_argument(
        "--text_field",
        default=defaults.text_field,
        help="field of JSON Lines and Parquet that has the text (default: %(default)s)",
    )
    group.add_argument(
        "--id_field",
        default=defaults.id_field,
        help="field that has the id; without it a hash of the text is the id"
        " (default: %(default)s)",
    )
    group.add_argument(
        "--invalid_utf8",
        choices=("replace", "skip"),
        default=defaults.invalid_utf8,
        help="bytes that are no UTF-8 become U+FFFD, or their lines are skipped"
        " (default: %(default)s)",
    )


def _add_cleaning(group: argparse._ArgumentGroup, defaults: BuildSettings) -> None:
    """Adds what says which text is left out or changed."""
    group.add_argument(
        "--rules",
        default=defaults.rules,
        help="rules and presets, in the order in which they apply, separated by commas."
        f" Rules: {', '.join(rule_names())}. Presets: {', '.join(PRESETS)}"
        " (default: %(default)s)",
    )
    group.add_argument(
        "--skip_ids", help="file with an id a line: documents to leave out"
    )
    group.add_argument(
        "--deduplicate",
        choices=("none", "exact", "near"),
        default=defaults.deduplicate,
        help="drop documents that equal, or are much like, an earlier one"
        " (default: %(default)s)",
    )
    group.add_argument(
        "--near_threshold",
        type=float,
        default=defaults.near_threshold,
        help="Jaccard similarity from which documents are near duplicates"
        " (default: %(default)s)",
    )
    group.add_argument(
        "--shingle_characters",
        type=int,
        default=defaults.shingle_characters,
        help="length of the character n-grams compared for that (default: %(default)s)",
    )


def _add_result(group: argparse._ArgumentGroup, defaults: BuildSettings) -> None:
    """Adds what says how the corpus is divided and written."""
    group.add_argument(
        "--split",
        type=_numbers,
        default=defaults.split,
        help="shares of train, validation and test, by a hash of the id"
        " (default: 98,1,1)",
    )
    group.add_argument(
        "--mix",
        choices=("none", "undersample", "oversample", "repeat"),
        default=defaults.mix,
        help="bring the training text of several corpora to the ratio of --weights by"
        " leaving documents out, by repeating them, or repeat each corpus as often as"
        " its weight says (default: %(default)s)",
    )
    group.add_argument(
        "--weights",
        type=_numbers,
        default=(),
        help="a number for each corpus, such as 1,5 (default: all alike)",
    )
    group.add_argument(
        "--shard_characters",
        type=int,
        default=defaults.shard_characters,
        help="characters of a shard, about (default: %(default)s)",
    )
    group.add_argument(
        "--overwrite",
        action="store_true",
        help="replace a corpus of other settings in the output folder",
    )


def _add_work(group: argparse._ArgumentGroup) -> None:
    """Adds what changes the time, and no byte of the corpus."""
    group.add_argument(
        "--processes",
        type=int,
        default=os.cpu_count() or 1,
        help="worker processes; the result does not depend on it (default: the number"
        " of cores)",
    )
    group.add_argument(
        "--scratch",
        help="local folder with room for the text, for intermediate files"
        " (default: the output folder)",
    )


def _words(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(","))


def _numbers(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no list of numbers, separated by commas"
        ) from None


def _summary(output: str, manifest: dict[str, Any]) -> str:  # Any: JSON.
    """What was built, a line a split."""
    lines = [
        f"{output}: {name}: {split['documents']:,} documents,"
        f" {split['characters']:,} characters, {len(split['files'])} files"
        for name, split in manifest["splits"].items()
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    start_tool(main, parser())
