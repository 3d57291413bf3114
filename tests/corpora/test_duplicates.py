"""Duplicates against numpy's unique, plain set arithmetic and datasketch's own search."""

import random
from pathlib import Path

import numpy as np
import pytest
from datasketch import MinHash, MinHashLSH
from hypothesis import given
from hypothesis import strategies as st

from transformer_lm.corpora.build.batches import INDEX
from transformer_lm.corpora.build.duplicates import equal_runs, near_duplicates
from transformer_lm.corpora.build.parts import Part
from transformer_lm.corpora.build.signatures import PERMUTATIONS, Signatures

VILLAGE = Path(__file__).parents[1] / "data" / "fishing_village.txt"


@given(
    st.lists(st.lists(st.integers(0, 12), max_size=8), max_size=5),
    st.integers(1, 30),
)
def test_equal_hashes_are_found_in_any_number_of_passes(chunks, pass_rows):
    arrays = [np.array(chunk, np.uint64) for chunk in chunks]
    values = [value for chunk in chunks for value in chunk]
    runs = list(equal_runs(lambda: iter(arrays), len(values), pass_rows))
    expected = {
        value: [row for row, other in enumerate(values) if other == value]
        for value in values
        if values.count(value) > 1
    }
    assert sorted(map(list, runs)) == sorted(expected.values())


def texts_with_variants():
    """Texts, each followed later by copies with few or with many changes."""
    generator = random.Random(0)
    kana = "あいうえおかきくけこさしすせそたちつてとなにぬねのはひふへほ、。"
    originals = ["".join(generator.choices(kana, k=300)) for _ in range(10)]
    variants = []
    for changes in (2, 200):
        for text in originals:
            letters = list(text)
            for _ in range(changes):
                letters[generator.randrange(len(letters))] = "々"
            variants.append("".join(letters))
    return originals, variants


def parts_of(texts, folder, sizes):
    """The texts as parts of a build."""
    parts = []
    for number, size in enumerate(sizes):
        some, texts = texts[:size], texts[size:]
        part = Part(folder / f"{number:05d}", len(some))
        part.file(".signatures").write_bytes(Signatures(5).of(some))
        part.file(".index").write_bytes(np.zeros(len(some), INDEX).tobytes())
        parts.append(part)
    assert not texts
    return parts


def test_near_duplicates_are_those_of_datasketch(tmp_path):
    originals, variants = texts_with_variants()
    texts = [*originals, *variants]
    parts = parts_of(texts, tmp_path, [7, 0, 13, 10])
    found = near_duplicates(parts, 0.8, np.zeros(len(texts), bool))
    search = MinHashLSH(threshold=0.8, num_perm=PERMUTATIONS)
    expected = []
    for number, text in enumerate(texts):
        signature = MinHash(num_perm=PERMUTATIONS, seed=1, scheme="affine32")
        shingles = {text[i : i + 5] for i in range(len(text) - 4)}
        signature.update_batch([shingle.encode() for shingle in shingles])
        candidates = {key: None for key in search.query(signature)}
        alike = any(
            (parts_signature(parts, key) == signature.hashvalues).mean() >= 0.8
            for key in candidates
        )
        expected.append(alike)
        if not alike:
            search.insert(number, signature)
    assert found.tolist() == expected
    assert found[10:20].all()
    assert not found[20:].any()


def parts_signature(parts, row):
    return np.concatenate([p.signatures() for p in parts if p.documents])[row]


def test_what_is_dropped_already_makes_nothing_superfluous(tmp_path):
    text = VILLAGE.read_text("utf-8")[:200]
    parts = parts_of([text, text + "々", text + "ゝ"], tmp_path, [3])
    dropped = np.array([True, False, False])
    assert near_duplicates(parts, 0.8, dropped).tolist() == [False, False, True]


def test_a_signature_estimates_the_similarity_of_sets():
    originals, variants = texts_with_variants()
    signatures = Signatures(5)
    for text, variant in zip(originals, variants, strict=False):
        sets = [set(signatures.shingles(each)) for each in (text, variant)]
        jaccard = len(sets[0] & sets[1]) / len(sets[0] | sets[1])
        rows = np.frombuffer(signatures.of([text, variant]), "<u4").reshape(2, -1)
        assert (rows[0] == rows[1]).mean() == pytest.approx(jaccard, abs=0.15)


def test_short_texts_and_blanks_have_shingles_too():
    assert list(Signatures(5).shingles("あ い\nう")) == ["あいう"]
    assert list(Signatures(2).shingles("あいう")) == ["あい", "いう"]
