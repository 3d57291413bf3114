"""Ids of transformers' BertJapaneseTokenizer; a process of its own, without torch.

Reads a list of [vocab_file, subword type, dictionary, lower case, texts] as JSON and
prints a list of lists of ids, an outer one for each.
"""

import json
import os
import sys

os.environ |= {"USE_TORCH": "0", "USE_TF": "0", "USE_FLAX": "0"}


def main() -> None:
    from transformers import BertJapaneseTokenizer

    results = []
    for vocab_file, subword, dictionary, lower_case, texts in json.load(sys.stdin):
        stock = BertJapaneseTokenizer(
            vocab_file,
            do_lower_case=lower_case,
            word_tokenizer_type="mecab",
            subword_tokenizer_type=subword,
            mecab_kwargs={"mecab_dic": dictionary},
        )
        tokens = [stock.tokenize(text, split_special_tokens=True) for text in texts]
        results.append([stock.convert_tokens_to_ids(words) for words in tokens])
    assert "torch" not in sys.modules
    json.dump(results, sys.stdout)


if __name__ == "__main__":
    main()
