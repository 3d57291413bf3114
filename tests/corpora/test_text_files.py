"""The reader against Python's own splitting, json, gzip and lzma."""

import bz2
import gzip
import itertools
import json
import lzma
import re
import tracemalloc
from pathlib import Path

import pytest

from transformer_lm.corpora.paths import expand
from transformer_lm.corpora.records import Record, cut_document
from transformer_lm.corpora.text_files import BLOCK_RECORDS, TextFiles
from transformer_lm.registry import UserError

VILLAGE = Path(__file__).parents[1] / "data" / "fishing_village.txt"


def read_all(files: TextFiles) -> list[Record]:
    blocks = itertools.takewhile(bool, map(files.block, itertools.count()))
    return list(itertools.chain.from_iterable(blocks))


def documents(files: TextFiles) -> list[str]:
    joined = [""]
    for record in read_all(files):
        assert record.starts_document == (joined[-1] == "")
        joined[-1] += record.text
        if record.ends_document:
            joined.append("")
    assert joined.pop() == ""
    return joined


def test_two_stars_mean_folders_of_any_depth(tmp_path):
    for name in ("a.txt", "b/c.txt", "b/d/e.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    assert documents(TextFiles(f"{tmp_path}/**/*.txt")) == [
        "a.txt",
        "b/c.txt",
        "b/d/e.txt",
    ]
    with pytest.raises(UserError, match="would list a whole bucket"):
        expand("gs://bucket/**/*.txt")


def test_a_blank_line_ends_a_document_of_plain_text():
    expected = re.split(r"\n\n+", VILLAGE.read_text("utf-8").strip())
    assert documents(TextFiles(str(VILLAGE))) == expected
    assert len(expected) == 10


@pytest.mark.parametrize(
    ("ending", "compress"),
    [
        (".txt.gz", gzip.compress),
        (".txt.bz2", bz2.compress),
        (".txt.xz", lzma.compress),
    ],
)
def test_compressed_text_reads_like_plain_text(tmp_path, ending, compress):
    path = tmp_path / f"text{ending}"
    path.write_bytes(compress(VILLAGE.read_bytes()))
    assert read_all(TextFiles(str(path))) == read_all(TextFiles(str(VILLAGE)))


def test_windows_line_ends_and_a_byte_order_mark_leave_no_trace(tmp_path):
    path = tmp_path / "windows.txt"
    path.write_bytes("一\r\n二\r\n\r\n　\r\n三".encode("utf-8-sig"))
    assert documents(TextFiles(str(path))) == ["一\n二", "三"]


@pytest.mark.parametrize("ending", ["jsonl", "jsonl.gz", "jsonl.xz"])
def test_json_lines_keep_the_text_exactly(tmp_path, ending):
    texts = [
        "改行\n\nと \t空白 ",
        "\u2028行の区切りではない\x0b",
        "絵文字😀",
        "a\\u0041",
    ]
    lines = "".join(json.dumps({"id": 1, "text": text}) + "\n" for text in texts)
    opener = {"jsonl": open, "jsonl.gz": gzip.open, "jsonl.xz": lzma.open}[ending]
    path = tmp_path / f"text.{ending}"
    with opener(path, "wb") as file:
        file.write(lines.encode())
    assert documents(TextFiles(str(path))) == texts


@pytest.mark.parametrize("limit", [1, 7, 50, 10_000])
def test_records_are_bounded_and_join_to_the_documents(limit):
    cut = TextFiles(str(VILLAGE), record_characters=limit)
    assert max(len(record.text) for record in read_all(cut)) <= limit
    assert documents(cut) == documents(TextFiles(str(VILLAGE)))


def test_records_end_at_line_borders_where_they_can():
    lines = [f"{'あ' * (i % 9)}行" for i in range(200)]
    pieces = [lines[0], *("\n" + line for line in lines[1:])]
    records = list(cut_document(pieces, 25))
    assert all(record.text.startswith("\n") for record in records[1:])
    assert all(len(record.text) > 25 - 10 for record in records[:-1])


def many_documents(folder: Path) -> str:
    """Three files of 1,000 documents, every tenth one long enough to be cut."""
    for name in ("b.jsonl.gz", "a.txt", "c.txt"):
        texts = [
            f"{name} 文書{i}" + f"\n{'長い' * 10} {i}。" * (i % 10 == 0) * 20
            for i in range(1000)
        ]
        if name.endswith(".gz"):
            with gzip.open(folder / name, "wt", encoding="utf-8") as file:
                file.writelines(json.dumps({"text": text}) + "\n" for text in texts)
        else:
            (folder / name).write_text("\n\n\n".join(texts), "utf-8")
    return f"{folder}/*.txt, {folder}/b*.gz"


def test_any_block_reads_the_same_in_any_order(tmp_path):
    patterns = many_documents(tmp_path)
    expected = read_all(TextFiles(patterns, record_characters=100))
    assert len(expected) > 3000 + 300
    count = len(expected) // BLOCK_RECORDS + 1
    files = TextFiles(patterns, record_characters=100)
    for number in [count - 1, 0, 1, 5, 5, 3, count, 2, *range(count)]:
        first = number * BLOCK_RECORDS
        assert files.block(number) == expected[first : first + BLOCK_RECORDS]


def test_a_remembered_bookmark_spares_reading_from_the_start(tmp_path):
    patterns = many_documents(tmp_path)
    files = TextFiles(patterns, record_characters=100)
    expected = [files.block(number) for number in range(13)]
    bookmark = files.bookmark(12 * BLOCK_RECORDS)
    assert bookmark.file == 1
    (tmp_path / "a.txt").write_bytes(b"\xff" * 1000)  # It must not be read again.
    fresh = TextFiles(patterns, record_characters=100)
    fresh.remember(bookmark)
    assert fresh.block(12) == expected[12]
    assert fresh.report() == {}


def test_bookmarks_do_not_grow_without_bound(tmp_path, monkeypatch):
    monkeypatch.setattr("transformer_lm.corpora.text_files._BOOKMARKS", 4)
    files = TextFiles(many_documents(tmp_path), record_characters=100)
    expected = read_all(files)
    assert 2 <= len(files._bookmarks) <= 4
    assert files.block(7) == expected[7 * BLOCK_RECORDS : 8 * BLOCK_RECORDS]


def test_a_line_of_any_length_takes_little_memory(tmp_path):
    path = tmp_path / "long.txt"
    path.write_text("日本語のとても長い行" * 1_000_000, "utf-8")  # 30 MB
    files = TextFiles(str(path))
    tracemalloc.start()
    count = sum(len(record.text) for record in files._records(files.bookmark(0)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 10_000_000
    assert peak < 12e6
    assert files.report() == {}


@pytest.mark.parametrize(
    ("choice", "expected"),
    [("replace", "良い\n悪\ufffdい\nまた良い"), ("skip", "良い\nまた良い")],
)
def test_invalid_utf8_is_counted_and_placed(tmp_path, choice, expected):
    path = tmp_path / "bad.txt"
    path.write_bytes("良い\n悪".encode() + b"\xff" + "い\nまた良い".encode())
    files = TextFiles(str(path), invalid_utf8=choice)
    for _ in range(2):  # Counted once, however often it is read.
        assert [record.text for record in files.block(0)] == [expected]
        kind = f"invalid UTF-8 lines {choice}d".replace("skipd", "skipped")
        assert files.report() == {kind: 1, f"{kind}, first at": [f"{path}:2"]}


def test_json_lines_without_text_are_counted_and_placed(tmp_path):
    path = tmp_path / "bad.jsonl"
    good = json.dumps({"text": "良い"})
    lines = [good, '{"text": "half', '{"title": "x"}', '{"text": 3}', "", "[1]", good]
    lines += ['{"text": "a\\ud83dz"}', '{"text": " \\n"}']
    path.write_text("\n".join(lines), "utf-8")
    files = TextFiles(str(path))
    assert documents(files) == ["良い", "良い", "a?z"]
    assert files.report() == {
        "invalid JSON lines skipped": 1,
        "invalid JSON lines skipped, first at": [f"{path}:2"],
        "JSON lines without a text field skipped": 3,
        "JSON lines without a text field skipped, first at": [
            f"{path}:3",
            f"{path}:4",
            f"{path}:6",
        ],
        "JSON lines with half a surrogate pair, replaced": 1,
        "JSON lines with half a surrogate pair, replaced, first at": [f"{path}:8"],
    }


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("cut.txt.gz", gzip.compress(VILLAGE.read_bytes())[:-100]),
        ("cut.txt.bz2", bz2.compress(VILLAGE.read_bytes())[:-100]),
        ("cut.txt.xz", lzma.compress(VILLAGE.read_bytes())[:-100]),
        ("no.jsonl.gz", b"this is no gzip file"),
        ("no.jsonl.bz2", b"this is no bzip2 file"),
        ("no.jsonl.xz", b"this is no xz file"),
    ],
)
def test_a_damaged_archive_is_named(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=f"{name} is cut short or damaged .* -t "):
        read_all(TextFiles(str(tmp_path / name)))


def test_a_file_without_a_document_is_named(tmp_path):
    (tmp_path / "blank.txt").write_text("\n \n\n")
    with pytest.raises(UserError, match=r"blank\.txt holds no document; remove it"):
        read_all(TextFiles(f"{VILLAGE},{tmp_path}/blank.txt"))


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("none.txt", r"file .*none\.txt does not exist .*correct the data path"),
        ("*.jsonl", r"no file matches .*\*\.jsonl'.*has no such file"),
        ("no/*.txt", r"no file matches .*no does not exist"),
        ("empty.txt", r"empty\.txt is empty"),
        ("text.csv", r"text\.csv .*not understood; known: \.txt, \.txt\.gz"),
        ("", "is a folder; name its files"),
        ("*.t*,text.txt", r"empty\.txt is empty"),
        ("text.txt,{}/text.t*", r"text\.txt is named twice"),
    ],
)
def test_files_that_cannot_be_read_are_refused_at_once(tmp_path, pattern, message):
    (tmp_path / "empty.txt").touch()
    (tmp_path / "text.csv").write_text("a")
    (tmp_path / "text.txt").write_text("a")
    with pytest.raises(UserError, match=message):
        TextFiles(f"{tmp_path}/{pattern.format(tmp_path)}")


def test_the_aozora_samples_are_read_exactly(corpora):
    folder = corpora / "aozora"
    lines = (folder / "sample.jsonl").read_text("utf-8").split("\n")
    expected = [json.loads(line)["text"] for line in lines if line]
    assert documents(TextFiles(str(folder / "sample.jsonl"))) == expected
    plain = (folder / "sample.txt").read_text("utf-8")
    expected = [text.strip("\n") for text in plain.split("\n\n")]
    assert documents(TextFiles(str(folder / "sample.txt"))) == expected
