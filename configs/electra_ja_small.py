"""ELECTRA small with a generator as wide, on Japanese Wikipedia, after retarfi's recipe.

  python main.py --config=configs/electra_ja_small.py --workdir=runs/electra_ja_small \
      --config.data_path='wiki/train-*.jsonl.gz' \
      --config.eval_data_path='wiki/validation-*.jsonl.gz'

docs/data.md says how the corpus is made. retarfi/language-pretraining published the model
izumi-lab/electra-small-japanese, without losses or times: 13.7 million parameters in each
network, of which the embeddings are the same.
"""

from transformer_lm.config import defaults

TOPOLOGY = "v4-8"


def get_config():
    config = defaults(
        model="electra",
        objective="replaced_token",
        tokenizer="wordpiece",
        optimizer="adamw",
        schedule="linear",
    )
    config.dataset_name = "text_files"
    # The original's rows too run over the ends of documents; it drops what does not fit
    # into a row, and here nothing is lost.
    config.row_mode = "contiguous"

    config.vocab_size = 32_768
    config.max_corpus_chars = 400_000_000
    config.segmenter = "mecab_ipadic"

    config.num_layers = 12
    config.emb_dim = 256
    config.num_heads = 4
    config.mlp_dim = 1024
    config.embedding_size = 128
    config.generator_size = 1.0

    config.masking_budget = "bernoulli"

    config.batch_size = 128
    config.max_target_length = 128
    config.max_eval_target_length = 128
    config.num_train_steps = 1_000_000
    config.learning_rate = 5e-4
    config.warmup_steps = 10_000
    config.weight_decay = 0.01
    config.beta2 = 0.999
    config.epsilon = 1e-6
    config.clip_norm = 1.0
    config.use_bfloat16 = True

    # The original never looks at held-out text.
    config.best_metric = "discriminator_loss"
    config.eval_every_steps = 5000
    config.num_eval_steps = 200
    config.checkpoint_every_steps = 100_000
    config.keep_checkpoints = 20
    return config
