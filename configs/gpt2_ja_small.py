"""GPT-2 small (110 million parameters) on CC-100 and Wikipedia, after rinna's recipe.

  python main.py --config=configs/gpt2_ja_small.py --workdir=gs://BUCKET/gpt2_ja_small \
      --config.data_path='cc100/train-*.jsonl.gz,wiki/train-*.jsonl.gz' \
      --config.eval_data_path='cc100/validation-*.jsonl.gz'

docs/data.md says how both corpora are made. rinna reports a held-out perplexity of 21
after 3 epochs, 15 days on eight V100 (rinnakk/japanese-pretrained-models, README). Its
counts are of micro-steps, here of updates: 4,000,000 / 8 = 500,000 steps and
2,000 / 8 = 250 of warm-up, each of 8 documents x 8 GPUs x 8 micro-steps = 512 rows.
"""

from transformer_lm.config import defaults

TOPOLOGY = "v4-16"


def get_config():
    config = defaults(
        model="gpt2",
        objective="causal_lm",
        tokenizer="sentencepiece",
        optimizer="adamw",
        schedule="linear",
    )
    config.dataset_name = "text_files"
    # A document a row, of a long one a random part; row_mode=packed wastes no padding.
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

    config.batch_size = 512
    # At 8 rows a device; more devices than 8 need fewer, larger memories allow fewer.
    config.grad_accumulation_steps = 8
    config.eval_per_device_batch_size = 16
    config.max_target_length = 1024
    config.max_eval_target_length = 1024
    config.num_train_steps = 500_000
    config.learning_rate = 6e-4
    config.warmup_steps = 250
    config.weight_decay = 0.01
    config.beta2 = 0.95
    config.epsilon = 1e-8
    config.clip_norm = 1.0
    # rinna used float16 with a loss scale (dtype=float16), for want of bfloat16.
    config.use_bfloat16 = True

    config.eval_every_steps = 5000
    config.checkpoint_every_steps = 5000
    config.prompts = "誰も到達していないArtificial Intelligenceの高みへ、ともに"
    config.sampling_temperature = 1.0
    config.sampling_top_k = 40
    config.sampling_top_p = 0.95
    config.max_predict_length = 200
    return config
