"""lm1b_default's 6-layer decoder on Japanese web text (CC-100).

  python main.py --config=configs/japanese_default_v1.py \
      --workdir=gs://BUCKET/japanese_default_v1

Needs the TFDS data set huggingface:cc100/lang=ja prepared in data_dir; to read ja.txt.xz
itself: --config.dataset_name=cc100/ja --config.data_path=FOLDER/ja.txt.xz.
transformer-lm-japanese reports half a day on a TPU v3-8 and a held-out perplexity of
66.38.
"""

from transformer_lm.config_files import load_config

TOPOLOGY = "v4-8"


def get_config():
    config = load_config("lm1b_default")
    config.dataset_name = "huggingface:cc100/lang=ja"
    # cc100 has one split only.
    config.train_split = "train[:98%]"
    config.eval_split = "train[98%:]"
    config.spm_train_options = "--character_coverage=0.9995"
    config.prompts = "昔々あるところに"
    return config
