"""RoBERTa base (110 million parameters) on CC-100 and Wikipedia, after rinna's recipe.

  python main.py --config=configs/roberta_ja_base.py --workdir=gs://BUCKET/roberta_ja \
      --config.data_path='cc100/train-*.jsonl.gz,wiki/train-*.jsonl.gz' \
      --config.eval_data_path='cc100/validation-*.jsonl.gz'

docs/data.md says how both corpora are made. rinna reports a held-out perplexity of 3.9
after 8 epochs, 15 days on eight V100 (rinnakk/japanese-pretrained-models, README). Its
counts are of micro-steps, here of updates: 3,000,000 / 16 = 187,500 steps and
10,000 / 16 = 625 of warm-up, each of 32 documents x 16 micro-steps x 8 GPUs = 4,096 rows.
"""

from transformer_lm.config import defaults

TOPOLOGY = "v4-32"


def get_config():
    config = defaults(
        model="roberta",
        objective="masked_lm",
        tokenizer="sentencepiece",
        optimizer="adamw",
        schedule="linear",
    )
    config.dataset_name = "text_files"
    # rinna reads the first 511 tokens of a document and never the rest, and closes no
    # row. Here a long document gives a random part, and every row ends with [SEP].
    config.row_mode = "document"

    config.vocab_size = 32_000
    config.max_corpus_chars = 400_000_000
    # The order of rinna's own vocabulary: <unk> <s> </s> [PAD] [CLS] [SEP] [MASK].
    config.spm_train_options = "--pad_id=3 --pad_piece=[PAD]"
    config.special_tokens = "[CLS],[SEP],[MASK]"

    config.num_layers = 12
    config.emb_dim = 768
    config.num_heads = 12
    config.mlp_dim = 3072
    # As rinna. The export moves the rows to where transformers looks for them, so that
    # nobody has to pass position_ids; nor is any position frozen, as rinna's 4th is.
    config.position_offset = 0

    config.masking_preset = "rinna"
    config.masking_budget = "bernoulli"

    config.batch_size = 4096
    config.grad_accumulation_steps = 16
    config.eval_per_device_batch_size = 32
    config.max_target_length = 512
    config.max_eval_target_length = 512
    config.num_train_steps = 187_500
    config.learning_rate = 6e-4
    config.warmup_steps = 625
    config.weight_decay = 0.01
    config.epsilon = 1e-6
    config.clip_norm = 1.0
    # rinna used float16 with a loss scale (dtype=float16), for want of bfloat16.
    config.use_bfloat16 = True

    config.eval_every_steps = 5000
    config.checkpoint_every_steps = 5000
    return config
