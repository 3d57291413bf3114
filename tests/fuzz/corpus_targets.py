"""Readers of text, from plain files to dumps of Wikipedia."""

import bz2
import functools
import gzip
import io
import json
import lzma
from pathlib import Path

import pyarrow
import pyarrow.parquet
from etils import epath

from tests.fuzz.target import Target
from transformer_lm.corpora.build.batches import Recipe, clean_batch
from transformer_lm.corpora.build.corpus import MANIFEST, _read_manifest
from transformer_lm.corpora.readers import find_sources, format_of, reader_of
from transformer_lm.corpora.readers.interface import Reading
from transformer_lm.corpora.text_files import TextFiles

RULES = (
    "nfkc,control_characters,whitespace,citation_numbers,templates,footnotes,sentences"
)
TEXT = "一行目。\n二行目。\n\n次の文書、ＡＢＣ。\n".encode()
JSONL = b"".join(
    json.dumps(value, ensure_ascii=False).encode() + b"\n"
    for value in (
        {"id": "1", "text": "本文。\n二行目。", "title": "題"},
        {"id": 7, "text": "数の名", "url": "https://example.org"},
        {
            "text": "\ud800 half".encode("utf-8", "replace").decode(),
            "x": [1, {"y": None}],
        },
    )
)
CIRRUS = (
    '{"index": {"_type": "_doc", "_id": "5"}}\n'
    '{"namespace": 0, "title": "題", "text": "並立助詞である。"}\n'
    '{"index": {"_id": 10}}\n'
    '{"page_id": 10, "namespace": 4, "title": "言語", "text": "ようこそ。"}\n'
).encode()
WIKITEXT = (
    "'''日本'''（{{lang|en|x}}、）は[[国|島国]]<ref name=\"a\">{{Cite|x}}</ref>&#x3042;。\n"
    '{| class="a"\n! 年\n|-\n| [[1900年]]\n|}\n* 一つ\n** 二つ\n<!-- 注 -->'
    "[https://example.org 公式]<math>x_{1}</math>__NOTOC__\n[[Category:国]]"
).encode()
PAGES = (
    '<mediawiki version="0.11" xml:lang="ja"><siteinfo><dbname>j</dbname></siteinfo>'
    "<page><title>あ</title><ns>0</ns><id>5</id><revision><id>9</id><text>"
    "'''あ'''（&amp;amp;、{{a}}）&lt;ref&gt;出典&lt;/ref&gt;。</text></revision></page>"
    '<page><title>い</title><ns>0</ns><id>6</id><redirect title="あ" /><revision>'
    "<text>#転送</text></revision></page></mediawiki>"
).encode()


def parquet() -> bytes:
    """A small table with all that is read of one."""
    stream = io.BytesIO()
    columns = {"id": ["1", "2"], "text": ["本文", None], "title": ["題", ""]}
    pyarrow.parquet.write_table(pyarrow.table(columns), stream, compression="none")
    return stream.getvalue()


def documents(content: bytes, folder: Path, *, ending: str) -> None:
    """Reads a source file, and cleans what comes, as building a corpus does."""
    (folder / f"x{ending}").write_bytes(content)
    (path,) = find_sources(str(folder / f"x{ending}"))
    kind = format_of(path)
    found = list(reader_of(kind).read(path, Reading()))
    clean_batch(Recipe(kind, RULES, "", None), found)


def records(content: bytes, folder: Path, *, ending: str) -> None:
    """Reads a file as training does."""
    (folder / f"x{ending}").write_bytes(content)
    for invalid in ("replace", "skip"):
        files = TextFiles(
            str(folder / f"x{ending}"), invalid_utf8=invalid, record_characters=8
        )
        for record in files.block(0):
            record.text.encode()


def markup(content: bytes, folder: Path) -> None:
    """Reads wikitext, in a page that XML can hold."""
    text = content.decode(errors="ignore").replace("]]>", "")
    text = "".join(c for c in text if c >= " " or c in "\n\t")
    page = (
        "<page><ns>0</ns><id>1</id><revision><text>"
        f"<![CDATA[{text}]]></text></revision></page>"
    )
    page = (
        page.encode(errors="ignore")
        .replace(b"\xef\xbf\xbe", b"")
        .replace(b"\xef\xbf\xbf", b"")
    )
    documents(page, folder, ending=".xml")


def corpus_manifest(content: bytes, folder: Path) -> None:
    """Reads what a corpus says of itself."""
    (folder / MANIFEST).write_bytes(content)
    _read_manifest(epath.Path(folder)).get("digest")


def _of_ending(name: str, seed: bytes, ending: str) -> Target:
    read = functools.partial(documents, ending=ending)
    return Target(name, (seed,), read, f"x{ending}")


TARGETS = (
    _of_ending("text", TEXT, ".txt"),
    _of_ending("text_gz", gzip.compress(TEXT, mtime=0), ".txt.gz"),
    _of_ending("text_bz2", bz2.compress(TEXT), ".txt.bz2"),
    _of_ending("text_xz", lzma.compress(TEXT), ".txt.xz"),
    _of_ending("jsonl", JSONL, ".jsonl"),
    _of_ending("cirrussearch", CIRRUS, ".json"),
    _of_ending("wiki_xml", PAGES, ".xml"),
    _of_ending("parquet", parquet(), ".parquet"),
    Target("wikitext", (WIKITEXT,), markup),
    Target("text_records", (TEXT,), functools.partial(records, ending=".txt"), "x.txt"),
    Target(
        "jsonl_records",
        (JSONL,),
        functools.partial(records, ending=".jsonl"),
        "x.jsonl",
    ),
    Target(
        "corpus_manifest",
        (b'{"format_version": 1, "digest": "ab", "splits": {"train": {"files": []}}}',),
        corpus_manifest,
        MANIFEST,
    ),
)
