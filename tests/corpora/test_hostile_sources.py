"""Sources that were made to swell, to hang, or to stop a reader."""

import io
import json
import lzma
import subprocess
import sys
import tracemalloc

import pyarrow
import pyarrow.parquet
import pytest
from etils import epath

from transformer_lm.corpora import decompression
from transformer_lm.corpora.build.batches import Recipe, clean_batch
from transformer_lm.corpora.readers import (
    format_of,
    markup_cost,
    parquet,
    reader_of,
    wiki_xml,
)
from transformer_lm.corpora.readers.interface import Reading
from transformer_lm.corpora.readers.wikitext import Wikitext
from transformer_lm.registry import UserError


def read(path):
    reading = Reading()
    reader = reader_of(format_of(epath.Path(path)))
    return list(reader.read(epath.Path(path), reading)), reading


def page(text, number=1):
    return (
        f"<page><title>題</title><ns>0</ns><id>{number}</id><revision>"
        f"<text>{text}</text></revision></page>"
    )


HOSTILE_MARKS = ["{{a|", "[[a|", "<ref>", "&lt;a ", "&lt;!--", "[http://", "{|\n|-\n"]


@pytest.mark.parametrize("mark", HOSTILE_MARKS)
def test_a_page_whose_markup_does_not_close_is_counted_and_the_others_are_read(
    tmp_path, mark
):
    mark = mark.replace("<", "&lt;")
    hostile = mark * 4000
    path = tmp_path / "x.xml"
    path.write_text(f"<mediawiki>{page(hostile)}{page('本文。', 2)}</mediawiki>")
    documents, reading = read(path)
    assert [document.id for document in documents] == ["2"]
    kind = "pages skipped whose markup does not close"
    assert reading.faults.report()[kind] == 1


def test_a_page_that_is_too_long_is_counted_and_the_others_are_read(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(wiki_xml, "_TEXT_CHARACTERS", 20)
    path = tmp_path / "x.xml"
    path.write_text(f"<mediawiki>{page('あ' * 30)}{page('本文。', 2)}</mediawiki>")
    documents, reading = read(path)
    assert [document.id for document in documents] == ["2"]
    assert reading.faults.report()["pages of more than 20 characters skipped"] == 1


def test_marks_that_close_and_some_that_do_not_cost_little():
    article = (
        "{{Infobox|a=[[b|c]]}}\n'''題'''は<ref name=\"a\">{{Cite|x}}</ref>[http://a b]。\n"
        "* <br />[[d]]<ref name='a' />\n{| class=\"x\"\n| a\n|}\n<!-- [[ {{ -->"
        "<math>{{{</math><nowiki>[[</nowiki>\n"
    )
    whole = article * 300
    assert markup_cost.cost(whole) < markup_cost.LARGEST / 4
    careless = "{{a|[[b|<i>" * 3 + whole
    assert markup_cost.cost(careless) < markup_cost.LARGEST
    crossed = "[[a{{b]]c}}" * 5000
    assert markup_cost.cost(crossed) > markup_cost.LARGEST
    # All of them close, but a parser gives up at some depth and goes back.
    deep = "{{a" * 3000 + "}}" * 3000
    assert markup_cost.cost(deep) > markup_cost.LARGEST


# A pattern at work hears a signal; it lets no other thread run.
@pytest.mark.timeout(300, method="signal")
@pytest.mark.parametrize("run", ["、 ", "\u3000", " \u3000", "（、", "\n\u3000"])
def test_a_long_run_of_one_kind_takes_no_square_of_time(run):
    """With its square, this would take days."""
    assert len(Wikitext().plain("a" + run * 200_000 + "b")) >= 2


def test_an_entity_that_is_half_a_surrogate_pair_becomes_a_question_mark(tmp_path):
    path = tmp_path / "x.xml"
    path.write_text(f"<mediawiki>{page('前&amp;#xD800;後')}</mediawiki>")
    documents, _ = read(path)
    batch = clean_batch(Recipe("wiki_xml", "whitespace", "", None), documents)
    assert batch.documents_in == 1
    assert Wikitext().plain(documents[0].text) == "前?後"


@pytest.mark.parametrize(
    "content",
    [
        b"<mediawiki a='" + b"x" * 3000,
        b"<mediawiki><!--" + b"x" * 3000,
        b"<a>" * 1000,
        b"<a>" + b"".join(b"<b%d/>" % number for number in range(2000)) + b"</a>",
        b"<a>" + b"".join(b"<b c%d=''/>" % n for n in range(2000)) + b"</a>",
    ],
    ids=["attribute", "comment", "depth", "elements", "attributes"],
)
def test_xml_that_makes_the_parser_keep_things_is_refused(
    tmp_path, monkeypatch, content
):
    monkeypatch.setattr(wiki_xml, "_TOKEN_BYTES", 1000)
    monkeypatch.setattr(wiki_xml, "_PIECE_BYTES", 500)
    (tmp_path / "x.xml").write_bytes(content)
    with pytest.raises(UserError, match=r"x\.xml:1: .* has no place in a dump"):
        read(tmp_path / "x.xml")


def test_an_encoding_that_only_python_has_is_not_used(tmp_path):
    text = "<?xml version='1.0' encoding='rot13'?><mediawiki></mediawiki>"
    (tmp_path / "x.xml").write_text(text)
    assert read(tmp_path / "x.xml")[0] == []


def test_xz_that_asks_for_much_memory_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(decompression, "XZ_MEMORY", 1 << 22)
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 24}]
    (tmp_path / "x.txt.xz").write_bytes(lzma.compress(b"text\n", filters=filters))
    with pytest.raises(UserError, match=r"x\.txt\.xz .*Memory usage limit exceeded"):
        read(tmp_path / "x.txt.xz")


def test_xz_in_several_streams_is_read_whole_from_any_place(tmp_path):
    streams = [lzma.compress(part) for part in (b"abc", b"", b"def" * 50_000)]
    path = epath.Path(tmp_path / "x.txt.xz")
    path.write_bytes(b"\0\0\0\0".join(streams) + b"\0" * 8)
    for offset in (0, 2, 3, 100_000, 10**6):
        with decompression.open_decompressed(path) as stream:
            stream.seek(offset)
            pieces = list(iter(lambda stream=stream: stream.read(1000), b""))
        assert b"".join(pieces) == (b"abc" + b"def" * 50_000)[offset:]


@pytest.mark.parametrize("ending", [".gz", ".xz"])
def test_a_bomb_is_read_in_little_memory(tmp_path, ending):
    import gzip

    compress = {".gz": gzip.compress, ".xz": lzma.compress}[ending]
    path = tmp_path / f"x.jsonl{ending}"
    path.write_bytes(compress(b" " * (70 << 20)) + compress(b'\n{"text": "a"}\n'))
    assert path.stat().st_size < 1 << 20
    tracemalloc.start()
    documents, reading = read(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [document.text for document in documents] == ["a"]
    assert reading.faults.report()["lines longer than 64 MiB skipped"] == 1
    assert peak < 90e6


@pytest.mark.parametrize("ending", [".jsonl", ".json"])
@pytest.mark.parametrize("value", ["[" * 100_000, "9" * 5000, "{" * 9, '{"a":' * 9999])
def test_json_that_json_cannot_read_is_counted(tmp_path, ending, value):
    path = tmp_path / f"x{ending}"
    good = '{"index": {"_id": 1}}\n' if ending == ".json" else ""
    path.write_text(f'{value}\n{good}{{"text": "a"}}\n')
    documents, reading = read(path)
    assert [document.text for document in documents] == ["a"]
    assert reading.faults.report()["invalid JSON lines skipped"] == 1


def test_halves_of_surrogate_pairs_in_names_become_question_marks(tmp_path):
    value = {"id": "a\ud800", "text": "本文", "title": "\udfff題"}
    (tmp_path / "x.jsonl").write_text(json.dumps(value))
    pair = [{"index": {"_id": "a\ud800"}}, value]
    (tmp_path / "x.json").write_text("\n".join(map(json.dumps, pair)))
    for name in ("x.jsonl", "x.json"):
        (document,) = read(tmp_path / name)[0]
        assert (document.id, document.fields["title"]) == ("a?", "?題")


def test_parquet_with_text_that_is_no_utf8_is_refused(tmp_path):
    binary = pyarrow.array([b"a\xff"], pyarrow.binary())
    text = pyarrow.Array.from_buffers(pyarrow.string(), 1, binary.buffers())
    stream = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table({"text": text}), stream)
    (tmp_path / "x.parquet").write_bytes(stream.getvalue())
    with pytest.raises(UserError, match=r"x\.parquet is no intact Parquet file"):
        read(tmp_path / "x.parquet")


def written(path, table, **options):
    """A file whose reader learns nothing of how its strings are best read."""
    pyarrow.parquet.write_table(table, path, store_schema=False, **options)
    return path


READ = """
import logging, sys
import pyarrow
from etils import epath
from transformer_lm.corpora.readers import reader_of
from transformer_lm.corpora.readers.interface import Reading
from transformer_lm.registry import UserError

logging.disable()
reading = Reading()
try:
    found = reader_of("parquet").read(epath.Path(sys.argv[1]), reading)
    print(sum(len(document.text) for document in found))
    print(next(iter(reading.faults.report().values()), "no faults"))
except UserError as error:
    print(error)
print(pyarrow.default_memory_pool().max_memory())
"""


def read_alone(path):
    """What a process of its own reads, and the bytes that Arrow held there at most."""
    done = subprocess.run(
        [sys.executable, "-c", READ, str(path)],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    *found, peak = done.stdout.splitlines()
    return found, int(peak)


def test_a_text_that_many_rows_share_is_in_memory_once(tmp_path):
    size, rows = 4_000_000, 300
    codes = pyarrow.array([1] * (rows - 1) + [0], pyarrow.int32())
    text = pyarrow.DictionaryArray.from_arrays(codes, ["a", "x" * size])
    path = written(tmp_path / "x.parquet", pyarrow.table({"text": text}))
    assert path.stat().st_size < size / 10
    found, peak = read_alone(path)
    assert found == [str((rows - 1) * size + 1), "no faults"]
    # The page, the dictionary made of it, and copies for a batch.
    assert peak < 20 * size


def test_a_text_that_is_too_long_is_counted_and_the_others_are_read(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(parquet, "_TEXT_BYTES", 10)
    table = pyarrow.table({"text": ["本文", "とても長い", "本文"]})
    documents, reading = read(written(tmp_path / "x.parquet", table))
    assert [document.text for document in documents] == ["本文"] * 2
    assert reading.faults.report()["rows whose text exceeds 64 MiB skipped"] == 1


def test_rows_that_are_nearly_nothing_take_no_memory(tmp_path):
    rows = 200_000
    column = pyarrow.nulls(rows, pyarrow.string())
    path = written(tmp_path / "x.parquet", pyarrow.table({"text": column}))
    assert path.stat().st_size < 10_000
    found, peak = read_alone(path)
    assert found == ["0", str(rows)]
    assert peak < 10e6


def test_a_page_that_claims_to_be_large_is_refused_without_room_for_it(tmp_path):
    """Its head says so in a number of Thrift: 4 bytes are put in the place of 1."""
    table = pyarrow.table({"text": ["本文"]})
    content = written(
        tmp_path / "x.parquet", table, compression="none", use_dictionary=False
    ).read_bytes()
    start = pyarrow.parquet.ParquetFile(tmp_path / "x.parquet").metadata
    start = start.row_group(0).column(0).data_page_offset
    head = content[start : start + 6]
    # Field 1 (type), 2 (unpacked size) and 3 (packed size), each a byte with its number.
    assert (head[0], head[2], head[4]) == (0x15, 0x15, 0x15)
    claim = b"\xfe\xff\xff\x7f"
    hostile = content[: start + 5] + claim + content[start + 6 :]
    (tmp_path / "x.parquet").write_bytes(hostile)
    found, peak = read_alone(tmp_path / "x.parquet")
    assert "x.parquet is no intact Parquet file (Unexpected end of stream" in found[0]
    assert peak < 10e6


def test_figures_that_contradict_the_schema_do_not_end_the_process(tmp_path):
    """The column is made one that must be there; its figures count where it is not."""
    file = written(tmp_path / "x.parquet", pyarrow.table({"text": ["本文", None]}))
    optional, required = b"\x25\x02\x18\x04text", b"\x25\x00\x18\x04text"
    content = file.read_bytes()
    assert content.count(optional) == 1
    file.write_bytes(content.replace(optional, required))
    found, _ = read_alone(file)
    assert "x.parquet is no intact Parquet file (Definition level" in found[0]


def test_rows_of_a_batch_are_fewer_where_they_are_large(tmp_path, monkeypatch):
    sizes = []
    monkeypatch.setattr(parquet, "_BATCH_BYTES", 100_000)
    batches = pyarrow.parquet.ParquetFile.iter_batches

    def spied(file, rows, **options):
        sizes.append(rows)
        return batches(file, rows, **options)

    monkeypatch.setattr(pyarrow.parquet.ParquetFile, "iter_batches", spied)
    texts = [f"{number}" * 10_000 for number in range(10)]
    for wanted in (texts, ["a"] * 10):
        path = written(tmp_path / "x.parquet", pyarrow.table({"text": wanted}))
        assert [document.text for document in read(path)[0]] == wanted
    assert sizes == [9, parquet._BATCH_ROWS]


@pytest.mark.parametrize(
    ("column", "kind"),
    [([["a"] * 9], "list<element: string>"), ([b"a"], "binary"), ([5], "int64")],
)
def test_parquet_whose_text_is_no_text_is_refused(tmp_path, column, kind):
    path = written(tmp_path / "x.parquet", pyarrow.table({"text": column}))
    with pytest.raises(UserError, match=rf"'text' of .*x\.parquet holds {kind} where"):
        read(path)


def test_parquet_with_a_name_twice_is_refused(tmp_path):
    table = pyarrow.table([["a"], ["b"]], names=["text", "text"])
    path = written(tmp_path / "x.parquet", table)
    with pytest.raises(UserError, match=r"has several columns 'text'"):
        read(path)
