"""Each format as its source writes it: exactly the expected documents, and the faults."""

import bz2
import gzip
import json
import lzma
import tracemalloc

import pyarrow
import pyarrow.parquet
import pytest
from etils import epath

from transformer_lm.corpora import lines
from transformer_lm.corpora.readers import (
    all_endings,
    find_sources,
    format_of,
    reader_of,
)
from transformer_lm.corpora.readers import plain_text as plain_text_module
from transformer_lm.corpora.readers.interface import Document, Reading
from transformer_lm.registry import UserError

COMPRESS = {"": bytes, ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}


def read(path, **options):
    reading = Reading(**options)
    path = epath.Path(path)
    reader = reader_of(format_of(path))
    documents = [
        document._replace(text=reader.plain(document.text))
        for document in reader.read(path, reading)
    ]
    return documents, reading


def cirrussearch(*pairs):
    return "".join(
        json.dumps(value) + "\n" for pair in pairs for value in pair
    ).encode()


ARTICLE = (
    {"index": {"_type": "_doc", "_id": "5"}},
    {
        "template": ["Template:要出典"],
        "namespace": 0,
        "title": "アンパサンド",
        "text": "アンパサンド (&) とは、並立助詞を意味する記号である。",
        "redirect": [{"namespace": 0, "title": "&"}],
    },
)
TALK = (
    {"index": {"_type": "_doc", "_id": "6"}},
    {"namespace": 4, "title": "Wikipedia:井戸端", "text": "ようこそ。"},
)
NEWER_ARTICLE = (
    {"index": {"_id": 10, "_index": "jawiki_content_1700000000"}},
    {"page_id": 10, "namespace": 0, "title": "言語", "text": "言語は、記号の体系。"},
)


@pytest.mark.parametrize(
    ("name", "compress"),
    [
        ("jawiki-20240101-cirrussearch-content.json.gz", gzip.compress),
        ("jawiki_content-20260101-00000.json.bz2", bz2.compress),
    ],
)
def test_a_search_index_gives_its_articles(tmp_path, name, compress):
    (tmp_path / name).write_bytes(compress(cirrussearch(ARTICLE, TALK, NEWER_ARTICLE)))
    documents, reading = read(tmp_path / name)
    assert documents == [
        Document("5", ARTICLE[1]["text"], {"title": "アンパサンド"}),
        Document("10", "言語は、記号の体系。", {"title": "言語"}),
    ]
    assert reading.skipped == {"pages of other namespaces": 1}
    assert reading.faults.report() == {}


def test_a_search_index_out_of_step_is_counted_and_goes_on(tmp_path):
    path = tmp_path / "x.json"
    index, page = (json.dumps(value).encode() + b"\n" for value in ARTICLE)
    path.write_bytes(
        page
        + index
        + index
        + page
        + index
        + b'{"text": \n'
        + page
        + index
        + b"{}\n"
        + index
    )
    documents, reading = read(path)
    assert [document.id for document in documents] == ["5"]
    report = reading.faults.report()
    assert report == {
        "pages without an index line skipped": 2,
        "pages without an index line skipped, first at": [f"{path}:1", f"{path}:7"],
        "index lines without a page skipped": 2,
        "index lines without a page skipped, first at": [f"{path}:2", f"{path}:10"],
        "invalid JSON lines skipped": 1,
        "invalid JSON lines skipped, first at": [f"{path}:6"],
        "pages without a text field skipped": 1,
        "pages without a text field skipped, first at": [f"{path}:9"],
    }


DUMP = """\
<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" version="0.11" xml:lang="ja">
  <siteinfo><sitename>Wikipedia</sitename><dbname>jawiki</dbname></siteinfo>
  <page>
    <title>アンパサンド</title><ns>0</ns><id>5</id>
    <revision>
      <id>98765</id><parentid>98764</parentid>
      <contributor><username>ある人</username><id>321</id></contributor>
      <format>text/x-wiki</format>
      <text bytes="99" xml:space="preserve">\
'''アンパサンド'''（&amp;amp;、{{lang|en|x}}）とは、\
[[接続詞|並立助詞]]である&lt;ref&gt;出典&lt;/ref&gt;。

== 歴史 ==
* [[ラテン語]]の合字。
[[Category:記号]]</text>
      <sha1>abc</sha1>
    </revision>
  </page>
  <page>
    <title>&amp;</title><ns>0</ns><id>6</id><redirect title="アンパサンド" />
    <revision><id>7</id><text>#転送 [[アンパサンド]]</text></revision>
  </page>
  <page>
    <title>Wikipedia:井戸端</title><ns>4</ns><id>8</id>
    <revision><id>9</id><text>ようこそ。</text></revision>
  </page>
  <page>
    <title>言語</title><ns>0</ns><id>10</id>
    <revision><id>11</id><text xml:space="preserve">言語は、記号の体系。</text></revision>
  </page>
</mediawiki>
"""


@pytest.mark.parametrize("ending", COMPRESS)
def test_a_dump_of_pages_gives_its_articles_without_markup(tmp_path, ending):
    path = tmp_path / f"jawiki-20260101-pages-articles.xml{ending}"
    path.write_bytes(COMPRESS[ending](DUMP.encode()))
    documents, reading = read(path)
    text = "アンパサンド（&）とは、並立助詞である。\nラテン語の合字。"
    assert documents == [
        Document("5", text, {"title": "アンパサンド"}),
        Document("10", "言語は、記号の体系。", {"title": "言語"}),
    ]
    assert reading.skipped == {"redirects": 1, "pages of other namespaces": 1}


def test_a_dump_cannot_declare_entities(tmp_path):
    entities = '<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">'
    attack = f"<!DOCTYPE mediawiki [{entities}]>{DUMP}"
    (tmp_path / "x.xml").write_text(attack)
    with pytest.raises(UserError, match=r"x\.xml:1: a document type declaration"):
        read(tmp_path / "x.xml")


def test_a_dump_that_ends_early_is_named(tmp_path):
    (tmp_path / "x.xml").write_text(DUMP[:-100])
    with pytest.raises(UserError, match=r"x\.xml is cut short or is no XML .*line"):
        read(tmp_path / "x.xml")


def test_a_dump_takes_constant_memory(tmp_path):
    start, end = DUMP.index("  <page>"), DUMP.index("</mediawiki>")
    peaks = []
    for copies in (50, 400):
        path = tmp_path / f"{copies}.xml"
        path.write_text(DUMP[:start] + DUMP[start:end] * copies + DUMP[end:])
        tracemalloc.start()
        count = sum(1 for _ in reader_of("wiki_xml").read(epath.Path(path), Reading()))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert count == 2 * copies
    assert peaks[1] < 2 * peaks[0] + 1e6


@pytest.mark.parametrize("ending", COMPRESS)
def test_cc100_gives_a_document_for_each_block_of_lines(tmp_path, ending):
    path = tmp_path / f"ja.txt{ending}"
    path.write_bytes(COMPRESS[ending]("一行目。\n二行目。\n\n次の文書。\n".encode()))
    documents, _ = read(path)
    assert [document.text for document in documents] == [
        "一行目。\n二行目。",
        "次の文書。",
    ]
    # The id follows from the text, so it does not depend on the order of the files.
    assert len({document.id for document in documents}) == 2
    (tmp_path / "other.txt").write_text("\n\n次の文書。\n")
    assert read(tmp_path / "other.txt")[0] == [documents[1]]


def test_a_very_long_document_comes_in_parts_of_one_id(tmp_path, monkeypatch):
    monkeypatch.setattr(plain_text_module, "PART_CHARACTERS", 10)
    (tmp_path / "x.txt").write_text("あいうえお\nかきくけこ\nさし\n\n短い")
    documents, _ = read(tmp_path / "x.txt")
    long = documents[:2]
    assert "".join(document.text for document in long) == "あいうえお\nかきくけこ\nさし"
    assert [document.part for document in documents] == [1, 2, 0]
    assert len({document.id for document in long}) == 1


def test_json_lines_keep_id_and_what_is_known(tmp_path):
    values = [
        {"id": "001", "text": "本文", "title": "題", "author": "人", "pages": 3},
        {"id": 7, "text": "数の名"},
        {"text": "無名"},
        {"text": " \n"},
    ]
    (tmp_path / "x.jsonl").write_text("\n".join(map(json.dumps, values)))
    documents, _ = read(tmp_path / "x.jsonl")
    assert documents[0] == Document("001", "本文", {"title": "題", "author": "人"})
    assert documents[1] == Document("7", "数の名", {})
    assert (len(documents), documents[2].text) == (3, "無名")
    renamed = [{"key": value.get("id"), "body": value["text"]} for value in values]
    (tmp_path / "y.jsonl").write_text("\n".join(map(json.dumps, renamed)))
    others, _ = read(tmp_path / "y.jsonl", text_field="body", id_field="key")
    assert [document[:2] for document in others] == [d[:2] for d in documents]


def test_parquet_rows_are_documents(tmp_path):
    table = pyarrow.table(
        {
            "id": [str(number) for number in range(1000)],
            "text": [f"文書{number}" for number in range(998)] + [None, ""],
            "title": ["題"] * 1000,
            "embedding": [[0.0] * 8] * 1000,
        }
    )
    path = tmp_path / "x.parquet"
    pyarrow.parquet.write_table(table, path, row_group_size=100)
    documents, reading = read(path)
    assert documents == [
        Document(str(number), f"文書{number}", {"title": "題"}) for number in range(998)
    ]
    assert reading.faults.report()["rows without a text skipped"] == 1
    with pytest.raises(UserError, match="no column 'body'; it has id, text, title"):
        read(path, text_field="body")
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(UserError, match="no intact Parquet file"):
        read(path)


@pytest.mark.parametrize("name", ["x.jsonl", "x.json"])
def test_one_line_of_100_mb_is_skipped_in_little_memory(tmp_path, name):
    path = tmp_path / name
    good = b'{"index": {"_id": 1}}\n' if name == "x.json" else b""
    good += '{"text": "良い"}\n'.encode()
    with path.open("wb") as stream:
        stream.write(good)
        for _ in range(100):
            stream.write(b" " * (1 << 20))
        stream.write(b"\n" + good)
    tracemalloc.start()
    documents, reading = read(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [document.text for document in documents] == ["良い", "良い"]
    number = 1 + good.count(b"\n")
    assert reading.faults.report() == {
        "lines longer than 64 MiB skipped": 1,
        "lines longer than 64 MiB skipped, first at": [f"{path}:{number}"],
    }
    assert peak < 80e6


def test_a_line_of_just_the_allowed_length_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "WHOLE_BYTES", 40)
    exact = b'{"text": "' + b"a" * 28 + b'"}'
    (tmp_path / "x.jsonl").write_bytes(exact + b"\n" + exact + b" \n" + exact)
    documents, reading = read(tmp_path / "x.jsonl")
    assert [document.text for document in documents] == ["a" * 28] * 2
    assert f"{tmp_path}/x.jsonl:2" in str(reading.faults.report())


@pytest.mark.parametrize("ending", [e for e in all_endings() if e.count(".") == 2])
def test_a_truncated_or_damaged_archive_is_named(tmp_path, ending):
    path = tmp_path / f"x{ending}"
    whole = COMPRESS[path.suffix](DUMP.encode() * 20)
    for content in (whole[: len(whole) // 2], b"no archive at all, only text"):
        path.write_bytes(content)
        with pytest.raises(UserError, match=f"x{ending} is cut short or damaged"):
            read(path)


def test_an_unknown_ending_is_refused_with_the_known_ones(tmp_path):
    (tmp_path / "x.pdf").write_text("x")
    with pytest.raises(UserError, match=r"known: \.txt, .*\.parquet"):
        find_sources(str(tmp_path / "x.pdf"))


def test_bytes_read_are_told(tmp_path):
    path = tmp_path / "x.txt.xz"
    path.write_bytes(lzma.compress("文書。\n\n".encode() * 1000))
    told = []
    read(path, on_read=told.append)
    assert sum(told) == path.stat().st_size
