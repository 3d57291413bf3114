"""Whole builds: what comes out, that it is the same each time, and after a kill."""

import gzip
import hashlib
import json

import pytest
from etils import epath

from transformer_lm.corpora.build import batches, corpus, parts
from transformer_lm.corpora.build.atomic import write_text, writing
from transformer_lm.corpora.build.corpus import build
from transformer_lm.corpora.build.settings import SPLITS, BuildSettings
from transformer_lm.corpora.text_files import TextFiles
from transformer_lm.registry import UserError


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    """Many batches and parts of few documents."""
    monkeypatch.setattr(batches, "BATCH_DOCUMENTS", 3)
    monkeypatch.setattr(parts, "PART_BATCHES", 2)


def write_documents(
    path, count, prefix="", text="これは{}番目の文書です。短い。次の文。"
):
    values = [
        {"id": f"{prefix}{i}", "text": text.format(i), "title": f"題{i}"}
        for i in range(count)
    ]
    path.write_text("".join(json.dumps(value) + "\n" for value in values))
    return path


def settings_for(folder, *inputs, **options):
    patterns = tuple(str(path) for path in inputs)
    return BuildSettings(output=str(folder), inputs=patterns, **options)


def shards(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.gz"))}


def documents(folder, split="train"):
    return [
        json.loads(line)
        for path in sorted(folder.glob(f"{split}-*.gz"))
        for line in gzip.decompress(path.read_bytes()).splitlines()
    ]


def test_a_build_cleans_splits_and_tells_everything(tmp_path):
    source = write_documents(tmp_path / "x.jsonl", 200)
    rules = "sentences,line_length=4-"
    folder = tmp_path / "out"
    manifest = build(
        settings_for(folder, source, rules=rules, split=(8, 1, 1), shard_characters=900)
    )
    found = {split: documents(folder, split) for split in SPLITS}
    assert sum(map(len, found.values())) == 200
    assert 120 < len(found["train"]) < 190
    assert found["train"][0] == {
        "id": "0",
        "title": "題0",
        "text": "これは0番目の文書です。\n次の文。",
    }
    assert manifest == json.loads((folder / "manifest.json").read_text())
    assert (
        manifest["sources"][0]["sha256"]
        == hashlib.sha256(source.read_bytes()).hexdigest()
    )
    assert manifest["sources"][0]["documents_read"] == 200
    last = manifest["sources"][0]["rules"][-1]
    assert last["rule"] == "line_length=4-"
    assert last["lines_in"] - last["lines_out"] == 200
    for split in SPLITS:
        told = manifest["splits"][split]
        assert told["documents"] == len(found[split])
        assert told["characters"] == sum(len(d["text"]) for d in found[split])
        for file in told["files"]:
            content = (folder / file["name"]).read_bytes()
            assert file["sha256"] == hashlib.sha256(content).hexdigest()
    files = manifest["splits"]["train"]["files"]
    assert len(files) > 1
    assert files[0]["name"] == f"train-00000-of-{len(files):05d}.jsonl.gz"
    assert {path.name for path in folder.iterdir()} == {
        *shards(folder),
        "manifest.json",
    }
    # The pipeline's own reader reads the shards.
    texts = [r.text for r in TextFiles(f"{folder}/train-*.gz").block(0)]
    assert texts == [document["text"] for document in found["train"]]


def test_the_result_does_not_depend_on_the_number_of_processes(tmp_path):
    source = write_documents(tmp_path / "x.jsonl", 100)
    options = {"rules": "wikipedia", "deduplicate": "near", "near_threshold": 0.95}
    manifests = []
    for processes in (1, 2):
        folder = tmp_path / str(processes)
        manifest = build(settings_for(folder, source, processes=processes, **options))
        manifests.append({k: v for k, v in manifest.items() if k != "created"})
    assert shards(tmp_path / "1") == shards(tmp_path / "2")
    assert manifests[0] == manifests[1]


def test_an_interrupted_build_goes_on_to_the_same_result(tmp_path, monkeypatch, caplog):
    caplog.set_level("INFO")
    source = write_documents(tmp_path / "x.jsonl", 100)
    whole = tmp_path / "whole"
    build(settings_for(whole, source, rules="wikipedia", deduplicate="exact"))
    clean_batch = parts.clean_batch
    calls = []

    def interrupted(recipe, batch):
        calls.append(batch)
        if len(calls) == 12:
            raise KeyboardInterrupt
        return clean_batch(recipe, batch)

    folder = tmp_path / "out"
    settings = settings_for(folder, source, rules="wikipedia", deduplicate="exact")
    monkeypatch.setattr(parts, "clean_batch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        build(settings)
    assert not shards(folder)
    assert not (folder / "manifest.json").exists()
    build(settings)
    assert "5 parts are done already; going on" in caplog.text
    # 34 batches in all; the 10 of the finished parts were not cleaned again.
    assert len(calls) == 12 + 34 - 10
    assert shards(folder) == shards(whole)
    told = [json.loads((f / "manifest.json").read_text()) for f in (folder, whole)]
    assert told[0]["sources"] == told[1]["sources"]


def test_parts_of_other_rules_are_not_gone_on_with(tmp_path, monkeypatch, caplog):
    caplog.set_level("INFO")
    source = write_documents(tmp_path / "x.jsonl", 20)
    whole, folder = tmp_path / "whole", tmp_path / "out"
    build(settings_for(whole, source, rules="sentences"))

    def killed(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(corpus, "write_shards", killed)
    with pytest.raises(KeyboardInterrupt):
        build(settings_for(folder, source, rules="nfkc"))
    monkeypatch.undo()
    build(settings_for(folder, source, rules="sentences"))
    assert "is from other settings; starting anew" in caplog.text
    assert shards(folder) == shards(whole)


def test_a_build_killed_while_writing_shards_leaves_none_that_look_whole(
    tmp_path, monkeypatch
):
    from transformer_lm.corpora.build import shards as shards_module

    source = write_documents(tmp_path / "x.jsonl", 100)
    settings = settings_for(tmp_path / "out", source, shard_characters=500)
    original = shards_module._Writer.write

    def failing(writer, block):
        if writer._files:
            raise OSError("disk full")
        original(writer, block)

    monkeypatch.setattr(shards_module._Writer, "write", failing)
    with pytest.raises(OSError, match="disk full"):
        build(settings)
    assert not shards(tmp_path / "out")
    monkeypatch.undo()

    def renamed_but_no_manifest(*arguments):
        raise OSError("killed")

    monkeypatch.setattr(corpus, "write_text", renamed_but_no_manifest)
    with pytest.raises(OSError, match="killed"):
        build(settings)
    monkeypatch.undo()
    manifest = build(settings)
    named = {f["name"] for s in manifest["splits"].values() for f in s["files"]}
    assert set(shards(tmp_path / "out")) == named


def test_a_file_is_whole_or_not_there(tmp_path, fill_disk):
    def half(stream):
        stream.write(b"half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"), writing(tmp_path / "a") as stream:
        half(stream)
    assert not (tmp_path / "a").exists()
    path = epath.Path(tmp_path / "b")
    write_text(path, "before")
    fill_disk(type(path), "write_text")
    with pytest.raises(OSError, match="No space left on device"):
        write_text(path, "after")
    assert path.read_text() == "before"


def test_a_finished_build_is_left_alone_and_another_is_refused(tmp_path, caplog):
    caplog.set_level("INFO")
    source = write_documents(tmp_path / "x.jsonl", 20)
    settings = settings_for(tmp_path / "out", source)
    first = build(settings)
    assert build(settings) == first
    assert "is whole already; nothing to do" in caplog.text
    other = settings_for(tmp_path / "out", source, rules="nfkc")
    with pytest.raises(UserError, match="holds a corpus of other sources or settings"):
        build(other)
    replaced = build(
        settings_for(tmp_path / "out", source, rules="nfkc", overwrite=True)
    )
    assert replaced["rules"] == ["nfkc"]
    write_documents(source, 21)
    with pytest.raises(UserError, match="--overwrite to replace it"):
        build(settings_for(tmp_path / "out", source, rules="nfkc"))


def test_files_of_others_are_never_removed(tmp_path):
    source = write_documents(tmp_path / "x.jsonl", 20)
    (tmp_path / "out").mkdir()
    foreign = tmp_path / "out" / "train-00000-of-00008.jsonl.gz"
    foreign.write_bytes(b"precious")
    with pytest.raises(UserError, match=r"no manifest\.json: no build made it"):
        build(settings_for(tmp_path / "out", source, overwrite=True))
    assert foreign.read_bytes() == b"precious"


def test_the_split_of_a_document_does_not_depend_on_the_others(tmp_path):
    first = write_documents(tmp_path / "a.jsonl", 60, "a")
    second = write_documents(tmp_path / "b.jsonl", 60, "b")
    options = {"split": (2, 1, 1)}
    build(settings_for(tmp_path / "1", f"{first},{second}", **options))
    build(settings_for(tmp_path / "2", f"{second},{first}", **options))
    build(settings_for(tmp_path / "3", second, first, names=("b", "a"), **options))
    for split in SPLITS:
        ids = [
            sorted(d["id"].split("/")[-1] for d in documents(tmp_path / n, split))
            for n in "123"
        ]
        assert ids[0] == ids[1] == ids[2]
        assert ids[0]
    assert {d["id"][:3] for d in documents(tmp_path / "3")} == {"a/a", "b/b"}


def test_equal_texts_are_kept_once_over_all_corpora(tmp_path):
    first = write_documents(tmp_path / "a.jsonl", 30, "a")
    second = write_documents(tmp_path / "b.jsonl", 40, "b")
    inputs, options = (first, second), {"split": (1, 0, 0), "deduplicate": "exact"}
    manifest = build(settings_for(tmp_path / "out", *inputs, **options))
    assert manifest["duplicates"] == {"mode": "exact", "exact_duplicates_dropped": 30}
    ids = {document["id"] for document in documents(tmp_path / "out")}
    assert ids == {f"corpus1/a{i}" for i in range(30)} | {
        f"corpus2/b{i}" for i in range(30, 40)
    }


def test_ids_on_the_skip_list_are_left_out(tmp_path):
    source = write_documents(tmp_path / "x.jsonl", 20)
    (tmp_path / "skip.txt").write_text("3\n17\n99\n")
    settings = settings_for(
        tmp_path / "out", source, skip_ids=f"{tmp_path}/skip.txt", split=(1, 0, 0)
    )
    manifest = build(settings)
    ids = {document["id"] for document in documents(tmp_path / "out")}
    assert ids == {str(i) for i in range(20)} - {"3", "17"}
    assert manifest["sources"][0]["skipped"] == {"documents on the skip list": 2}


@pytest.mark.parametrize(
    ("mix", "weights", "copies"),
    [
        ("none", (), (1, 1)),
        ("oversample", (), (4, 1)),
        ("oversample", (1, 2), (2, 1)),
        ("repeat", (3, 1), (3, 1)),
        ("undersample", (), (1, 0.25)),
    ],
)
def test_corpora_are_mixed_by_weight(tmp_path, mix, weights, copies):
    text = "同じ長さの文書{:03d}"
    small = write_documents(tmp_path / "small.jsonl", 60, "s", text)
    large = write_documents(tmp_path / "large.jsonl", 240, "l", text)
    settings = settings_for(
        tmp_path / "out",
        small,
        large,
        names=("small", "large"),
        mix=mix,
        weights=weights,
        split=(9, 1, 0),
    )
    build(settings)
    found = [document["id"] for document in documents(tmp_path / "out")]
    held_out = documents(tmp_path / "out", "validation")
    assert len(set(found)) == len(found)
    assert not any("#" in document["id"] for document in held_out)
    for name, count, times in zip(("small", "large"), (60, 240), copies, strict=True):
        held = sum(document["id"].startswith(name) for document in held_out)
        taken = sum(each.startswith(name) for each in found)
        assert taken == pytest.approx((count - held) * times, rel=0.35)
    # At every tenth of the shards both corpora have come as far as in the whole.
    share = sum(each.startswith("small") for each in found) / len(found)
    for start in range(0, len(found) - 19, 20):
        here = sum(each.startswith("small") for each in found[start : start + 20])
        assert here == pytest.approx(20 * share, abs=2)


def test_documents_without_text_are_counted(tmp_path):
    index, page = '{"index": {"_id": 1}}\n', '{"text": " ", "namespace": 0}\n'
    full = '{"text": "本文がある。", "namespace": 0}\n'
    (tmp_path / "x.json").write_text(index + page + index + full)
    manifest = build(
        settings_for(tmp_path / "out", tmp_path / "x.json", split=(1, 0, 0))
    )
    source = manifest["sources"][0]
    assert (source["documents_read"], source["documents_without_text"]) == (2, 1)
    assert manifest["splits"]["train"]["documents"] == 1


def test_a_source_without_documents_is_named(tmp_path):
    (tmp_path / "x.json").write_text('{"text": "a"}\n')
    with pytest.raises(UserError, match=r"x\.json holds no document.*cirrussearch"):
        build(settings_for(tmp_path / "out", tmp_path / "x.json"))


def test_rules_that_leave_nothing_are_told(tmp_path):
    source = write_documents(tmp_path / "x.jsonl", 5)
    with pytest.raises(UserError, match="nothing of corpus1 is left to train on"):
        build(settings_for(tmp_path / "out", source, rules="document_length=900-"))


def test_all_problems_are_told_at_once(tmp_path):
    with pytest.raises(UserError) as caught:
        build(
            settings_for(
                "gs://bucket/corpus",
                tmp_path / "none.txt",
                tmp_path / "none.csv",
                rules="nfkd",
                names=("a", "a"),
                weights=(1, -1),
                split=(0, 1),
                skip_ids="none",
                processes=0,
                deduplicate="near",
                near_threshold=2,
            )
        )
    message = str(caught.value)
    for part in (
        "none.txt does not exist",
        "none.csv does not exist",
        "Did you mean 'nfkc'",
        "--names=a,a must be 2 different names",
        "--weights=1,-1 must be 2 numbers above 0",
        "--weights needs --mix",
        "--split=0,1 must be three numbers",
        "--skip_ids=none does not exist",
        "--processes=0",
        "--near_threshold=2",
        "set --scratch",
    ):
        assert part in message
