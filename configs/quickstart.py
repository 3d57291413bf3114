"""A Japanese language model in minutes, on a laptop, with nothing downloaded.

  python main.py --config=configs/quickstart.py

Trains on sentences that transformer_lm/corpora/everyday makes up. For your own text:

  python main.py --config=configs/quickstart.py --workdir=runs/mine \
      --config.dataset_name=text_files --config.data_path='my/*.txt'
"""

from transformer_lm.config import defaults

TOPOLOGY = "v5e-1"


def get_config():
    config = defaults(
        model="transformer_lm",
        objective="causal_lm",
        tokenizer="sentencepiece",
        # Needs a third of the tokens that adamw needs to come as close.
        optimizer="muon",
        schedule="cosine",
    )
    config.dataset_name = "quickstart"
    # Small and soft, so that little text will do; rare characters become bytes.
    config.vocab_size = 2500
    config.spm_train_options = (
        "--character_coverage=0.985 --byte_fallback=true --hard_vocab_limit=false"
    )
    config.max_corpus_chars = 2_000_000

    config.num_layers = 3
    config.emb_dim = 128
    config.qkv_dim = 128
    config.mlp_dim = 512
    config.num_heads = 4
    # The corpus is seen about once: nothing to regularise.
    config.dropout_rate = 0.0
    config.attention_dropout_rate = 0.0
    config.logits_via_embedding = True

    # Small batches: many updates in little time.
    config.batch_size = 8
    config.eval_per_device_batch_size = 32
    config.max_target_length = 128
    config.max_eval_target_length = 128
    config.num_train_steps = 1800
    config.learning_rate = 0.02
    config.warmup_steps = 100
    config.clip_norm = 1.0
    config.log_every_steps = 50
    config.eval_every_steps = 600
    config.checkpoint_every_steps = 600
    config.prompts = "昨日、;;先週の日曜日、;;"
    config.max_predict_length = 120
    return config
