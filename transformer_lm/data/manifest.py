"""The manifest of a folder of prepared data: what is in it, and what made it."""

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformer_lm.file_names import inside, refuse_links_out
from transformer_lm.json_files import construct, read_object
from transformer_lm.registry import UserError

FILE = "manifest.json"
FORMAT = 1
SPLITS = ("train", "validation", "test")
COUNTED = ("documents", "records", "sentences", "tokens", "characters")
"""What a shard counts."""
_REMEDY = "prepare it anew"


@dataclass(frozen=True)
class TokenizerFacts:
    """Which tokenizer made the ids."""

    kind: str
    """Its name in a config."""
    settings: dict[str, Any]
    """All its keys but vocab_path."""
    files: dict[str, str]
    """SHA-256 of each of its files, which lie beside the manifest."""
    vocab_size: int
    probe: str
    """SHA-256 of the ids of a fixed text: other settings give other ids."""


@dataclass(frozen=True)
class Rules:
    """How text became records."""

    sentences: bool
    """Whether documents are cut into sentences, each tokenised by itself."""
    record_characters: int
    """Longer documents are cut into several records."""
    invalid_utf8: str
    """What became of bytes that are no UTF-8."""


@dataclass(frozen=True)
class Shard:
    """One finished shard; its files are `name` and an ending."""

    name: str
    source: str
    """The file that it was made of."""
    source_sha256: str
    sha256: str
    """Of the ArrayRecord file."""
    index_sha256: str
    size: int
    """Bytes of the ArrayRecord file."""
    counts: dict[str, int]
    """How many it holds of each of `COUNTED`."""
    faults: dict[str, int | list[str]]
    """Lines of the source that could not be read as they stand."""

    def data(self, folder: Path) -> Path:
        """Returns the ArrayRecord file."""
        return folder / f"{self.name}.array_record"

    def index(self, folder: Path) -> Path:
        """Returns the index."""
        return folder / f"{self.name}.index.npy"


@dataclass(frozen=True)
class Manifest:
    """All that a reader needs to know of a folder."""

    tokenizer: TokenizerFacts
    rules: Rules
    splits: dict[str, list[Shard]]
    versions: dict[str, str]
    """Of the programs that made it."""

    def to_json(self) -> str:
        """Returns the manifest with the counts of each split added up."""
        values = dataclasses.asdict(self)
        counts = {split: self.counts(split) for split in self.splits}
        whole = {"format": FORMAT, "counts": counts, **values}
        return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"

    def counts(self, split: str) -> dict[str, int]:
        """Returns how much a split holds of each kind that a shard counts."""
        shards = [shard.counts for shard in self.splits[split]]
        return {name: sum(counts[name] for counts in shards) for name in COUNTED}

    def digest(self, split: str) -> str:
        """Returns a short text that changes with the records of a split."""
        shards = [(shard.sha256, shard.index_sha256) for shard in self.splits[split]]
        return hashlib.sha256(repr(shards).encode()).hexdigest()[:16]


def describe_counts(counts: dict[str, int]) -> str:
    """Returns counts for the eye; what there is none of is left out.

    >>> describe_counts({"documents": 751, "sentences": 0, "tokens": 4543767})
    '751 documents, 4,543,767 tokens'
    """
    return ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)


def read_manifest(folder: Path) -> Manifest:
    """Reads the manifest of a folder and looks whether all is there.

    Raises:
      UserError: if it is no folder of prepared data, or not whole.
    """
    path = folder / FILE
    if "://" in str(folder):
        raise UserError(
            f"prepared data is read by random access, which {folder} does not offer;"
            " mount the bucket (gcsfuse) or copy the folder to a disk"
        )
    if not path.is_file():
        raise UserError(
            f"{folder} holds no {FILE}: it is no folder of prepared data, or its making"
            " was interrupted; run python -m transformer_lm.tools.prepare (again)"
        )
    values = read_object(path, _REMEDY)
    saved_format = values.pop("format", None)
    if saved_format != FORMAT:
        raise UserError(
            f"{path} has format {saved_format}, this program reads {FORMAT};"
            " prepare the data anew"
        )
    values.pop("counts", None)
    manifest = construct(Manifest, values, str(path), _REMEDY)
    shards = [shard for shards in manifest.splits.values() for shard in shards]
    for shard in shards:
        if set(shard.counts) != {*COUNTED}:
            raise UserError(
                f"{path} is damaged: {shard.name} counts {sorted(shard.counts)},"
                f" not {sorted(COUNTED)}; {_REMEDY}"
            )
        inside(folder, shard.name, path)
        refuse_links_out(folder, shard.data(folder))
        refuse_links_out(folder, shard.index(folder))
    for name in manifest.tokenizer.files:
        refuse_links_out(folder, Path(inside(folder, name, path)))
    problems = [
        f"{shard.data(folder)}: {_size(shard.data(folder))}, not {shard.size} bytes"
        for shard in shards
        if _size(shard.data(folder)) != shard.size
    ]
    problems += [
        f"{folder / name}: missing, or another file than the manifest says"
        for name, digest in manifest.tokenizer.files.items()
        if not (folder / name).is_file() or sha256_of(folder / name) != digest
    ]
    if problems:
        raise UserError(
            f"{folder} is not as its {FILE} says:\n  - "
            + "\n  - ".join(problems)
            + "\nRun the same transformer_lm.tools.prepare again: it finds what is"
            " damaged and makes it anew."
        )
    return manifest


def sha256_of(path: Any) -> str:  # Any: a path of pathlib or of etils.
    """Returns the SHA-256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def _size(path: Path) -> int | None:
    return path.stat().st_size if path.is_file() else None
