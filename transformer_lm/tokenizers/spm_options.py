"""Options for SentencePiece's trainer, as spm_train_options gives them."""

import shlex

from transformer_lm.registry import UserError, describe_unknown

KNOWN = [
    "accept_language",
    "add_dummy_prefix",
    "allow_whitespace_only_pieces",
    "auto_character_coverage",
    "bos_id",
    "bos_piece",
    "byte_fallback",
    "character_coverage",
    "control_symbols",
    "differential_privacy_clipping_threshold",
    "differential_privacy_noise_level",
    "enable_differential_privacy",
    "eos_id",
    "eos_piece",
    "escape_whitespaces",
    "hard_vocab_limit",
    "input_sentence_size",
    "max_sentence_length",
    "max_sentencepiece_length",
    "mining_sentence_size",
    "model_type",
    "name",
    "normalization_rule_name",
    "normalization_rule_tsv",
    "num_sub_iterations",
    "num_threads",
    "pad_id",
    "pad_piece",
    "precompiled_charsmap",
    "pretokenization_delimiter",
    "remove_extra_whitespaces",
    "required_chars",
    "seed_sentencepiece_size",
    "seed_sentencepieces_file",
    "self_test_sample_size",
    "shrinking_factor",
    "shuffle_input_sentence",
    "split_by_number",
    "split_by_unicode_script",
    "split_by_whitespace",
    "split_digits",
    "train_extremely_large_corpus",
    "training_sentence_size",
    "treat_whitespace_as_suffix",
    "unk_id",
    "unk_piece",
    "unk_surface",
    "use_all_vocab",
    "user_defined_symbols",
    "vocabulary_output_piece_score",
]
"""Options of sentencepiece 0.2: fields of its TrainerSpec and NormalizerSpec."""

TAKEN = {
    "input": "dataset_name and data_path say what is read",
    "input_format": "dataset_name and data_path say what is read",
    "model_prefix": "set vocab_path",
    "vocab_size": "set vocab_size",
}
"""Options that config keys of our own stand for."""


def parse(text: str) -> dict[str, str]:
    """Returns the options of a command line such as `--a=1 --b=x`.

    Raises:
      UserError: if `problems` finds any.
    """
    found = problems(text)
    if found:
        raise UserError("; ".join(found))
    pairs = (word.removeprefix("--").split("=", 1) for word in shlex.split(text))
    return {name: value for name, value in pairs}


def problems(text: str) -> list[str]:
    """Lists what is wrong with a command line of options, a line each."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        return [f"spm_train_options={text!r} cannot be read: {error}"]
    found = []
    seen = set()
    for word in words:
        name, equals, _ = word.removeprefix("--").partition("=")
        if not word.startswith("--") or not equals:
            found.append(f"spm_train_options: {word!r} must be --name=value")
        elif name in TAKEN:
            found.append(f"spm_train_options: leave --{name} out; {TAKEN[name]}")
        elif name not in KNOWN:
            reason = describe_unknown("option", name, KNOWN)
            found.append(f"spm_train_options: {reason}")
        elif name in seen:
            found.append(f"spm_train_options: --{name} is given twice")
        seen.add(name)
    return found
