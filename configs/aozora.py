"""Every model family on novels, in minutes of two CPU cores; docs/gallery.md shows them.

python main.py --config=configs/aozora.py:gpt2 --workdir=runs/aozora/gpt2
python main.py --config=configs/aozora.py:bert --workdir=runs/aozora/bert \
    --config.vocab_path=runs/aozora/gpt2/sentencepiece_model
"""

from transformer_lm.config import defaults

TOPOLOGY = "v5e-1"

FAMILIES = {
    "transformer_lm": {"objective": "causal_lm"},
    "gpt2": {"objective": "causal_lm"},
    "bert": {"objective": "masked_lm"},
    "roberta": {"objective": "masked_lm"},
    "albert": {"objective": "masked_lm"},
    "electra": {"objective": "replaced_token"},
}
"""What each family is trained with."""


def get_config(family: str = "gpt2"):
    config = defaults(
        model=family,
        tokenizer="sentencepiece",
        optimizer="muon",
        schedule="cosine",
        **FAMILIES[family],
    )
    config.dataset_name = "text_files"
    config.data_path = "aozora/train-*.jsonl.gz"
    config.eval_data_path = "aozora/validation-*.jsonl.gz"
    # Characters: few enough for each to be seen often in so little text.
    config.vocab_size = 2500
    config.special_tokens = "[CLS],[SEP],[MASK]"
    config.spm_train_options = "--model_type=char"
    config.max_corpus_chars = 3_000_000

    config.num_layers = 3
    config.emb_dim = 128
    config.num_heads = 4
    config.mlp_dim = 512
    if family == "transformer_lm":
        config.qkv_dim = 128
    if family == "albert":
        config.embedding_size = 64
    if family == "electra":
        config.generator_size = 0.5
        config.best_metric = "discriminator_loss"
    # A part of the text is seen, once: nothing to regularise.
    config.dropout_rate = 0.0
    config.attention_dropout_rate = 0.0

    if config.objective == "causal_lm":
        config.batch_size = 16
        config.max_target_length = 64
        config.max_eval_target_length = 64
        config.learning_rate = 5e-3
    else:
        # A masked model must first find a gap's neighbours: hundreds of updates among 16
        # tokens, thousands among 64.
        config.batch_size = 64
        config.max_target_length = 16
        config.max_eval_target_length = 16
        config.learning_rate = 2e-3
        config.muon_update_scale = 1.0
        config.masking_probability = 0.2
    config.eval_per_device_batch_size = 32
    config.num_train_steps = 2000
    config.warmup_steps = 50
    config.clip_norm = 1.0
    config.log_every_steps = 50
    config.eval_every_steps = 250
    config.num_eval_steps = 20
    config.checkpoint_every_steps = 500
    config.prompts = "吾輩は;;その日の夕方、"
    config.max_predict_length = 60
    return config
