"""GPT-2 small (110 million parameters) on Wikipedia alone, after colorfulscoop's recipe.

  python main.py --config=configs/gpt2_ja_wikipedia.py --workdir=runs/gpt2_ja_wikipedia \
      --config.data_path='wiki/train-*.jsonl.gz' \
      --config.eval_data_path='wiki/validation-*.jsonl.gz'

docs/data.md says how the corpus is made. This is the best of colorfulscoop/gpt-ja's
published settings: loss 3.3488 and perplexity 28.47 on its test text after 30 epochs. Its
newest program, without clipping and decay of the rate, reports 29.13 on newer text after
15 days on one RTX 2080 Ti.
"""

from transformer_lm.config import defaults

TOPOLOGY = "v4-8"


def get_config():
    config = defaults(
        model="gpt2",
        objective="causal_lm",
        tokenizer="sentencepiece",
        optimizer="adam",
        schedule="linear",
    )
    config.dataset_name = "text_files"
    # One stream cut into blocks; attention goes on from article to article.
    config.row_mode = "contiguous"
    config.shuffle_buffer_size = 100_000

    config.vocab_size = 32_000
    config.max_corpus_chars = 400_000_000
    # The order of colorfulscoop's own vocabulary: <pad> <unk> <s> </s> <cls> <sep>.
    config.spm_train_options = (
        "--pad_id=0 --unk_id=1 --bos_id=2 --eos_id=3 --add_dummy_prefix=false"
    )
    config.special_tokens = "<cls>,<sep>"

    config.num_layers = 12
    config.emb_dim = 768
    config.num_heads = 12
    config.mlp_dim = 3072

    # Its one GPU holds 2 rows at a time: grad_accumulation_steps=16 does the same.
    config.batch_size = 32
    config.eval_per_device_batch_size = 4
    config.max_target_length = 1024
    config.max_eval_target_length = 1024
    # 30 epochs of that Wikipedia.
    config.num_train_steps = 476_700
    config.learning_rate = 1e-4
    config.warmup_steps = 10_000
    config.clip_norm = 1.0
    # float16 with a loss scale in the original (dtype=float16).
    config.use_bfloat16 = True

    config.eval_every_steps = 10_000
    config.checkpoint_every_steps = 10_000
    config.prompts = "日本の首都は"
    config.sampling_temperature = 1.0
    config.sampling_top_k = 50
    config.sampling_top_p = 0.95
    return config
