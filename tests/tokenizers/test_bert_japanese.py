"""Ids equal those of transformers' BertJapaneseTokenizer."""

import gzip
import itertools
import json

import pytest

from tests.tokenizers.japanese_text import TRICKY, VILLAGE, stock_ids
from transformer_lm.tokenizers import TOKENIZERS

KINDS = ("wordpiece", "character")
DICTIONARIES = ("ipadic", "unidic_lite")
CASES = list(itertools.product(KINDS, DICTIONARIES, (False, True)))


def trained(kind, dictionary, lower_case, text, folder, **keys):
    config = TOKENIZERS[kind](
        segmenter=f"mecab_{dictionary}", lower_case=lower_case, **keys
    )
    return config.train([text], str(folder))


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """For each case, our tokenizer and the ids of the stock one."""
    # Half of the tricky text is in the vocabulary, so that both ways are taken.
    text = VILLAGE + "\n".join(TRICKY[::2])
    texts = [*TRICKY, VILLAGE, *VILLAGE.split("\n")]
    ours, questions = [], []
    for case in CASES:
        folder = tmp_path_factory.mktemp("vocabulary")
        ours.append(trained(*case, text, folder, vocab_size=900))
        kind, dictionary, lower_case = case
        vocabulary = str(folder / "vocab.txt")
        questions.append([vocabulary, kind, dictionary, lower_case, texts])
    return dict(zip(CASES, zip(ours, stock_ids(questions), strict=True), strict=True))


@pytest.mark.parametrize("case", CASES)
def test_ids_are_those_of_the_stock_tokenizer(case, compared):
    ours, stock = compared[case]
    for text, ids in zip([*TRICKY, VILLAGE, *VILLAGE.split("\n")], stock, strict=True):
        assert ours.encode(text) == ids, repr(text)
    assert any(ours.unk_id in ids for ids in stock)
    assert any(len(ids) > 3 and ours.unk_id not in ids for ids in stock)


@pytest.mark.slow
def test_ids_are_those_of_the_stock_tokenizer_on_aozora(corpora, tmp_path):
    sample = (corpora / "aozora" / "sample.txt").read_text("utf-8")
    path = corpora / "aozora" / "validation-00000-of-00001.jsonl.gz"
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        documents = [json.loads(line)["text"] for line in lines]
    # MeCab itself takes a document as one text; most are read so, by paragraphs too.
    texts = [text for text in documents if len(text) <= 32_768]
    texts += [line for text in documents for line in text.split("\n")]
    assert sum(map(len, documents)) > 400_000
    ours, questions = [], []
    for kind, dictionary in itertools.product(KINDS, DICTIONARIES):
        folder = tmp_path / kind / dictionary
        keys = {"vocab_size": 8000, "limit_alphabet": 2500}
        ours.append(trained(kind, dictionary, False, sample, folder, **keys))
        vocabulary = str(folder / "vocab.txt")
        questions.append([vocabulary, kind, dictionary, False, texts])
    for tokenizer, stock in zip(ours, stock_ids(questions), strict=True):
        assert tokenizer.encode_batch(texts) == stock
        for text, ids in zip(texts, stock, strict=True):
            if tokenizer.unk_id not in ids:
                assert tokenizer.decode(ids) == tokenizer.normalise(text)
