"""Takes two folders of the repository into the package; pyproject.toml has the rest."""

from setuptools import find_packages, setup

BESIDE = {
    "transformer_lm.configs": "configs",
    "transformer_lm.hf_custom_model": "hf_custom_model",
}
"""Name in the wheel (transformer_lm/shipped.py finds it) → folder of the repository."""

setup(
    package_dir=BESIDE,
    packages=[
        *find_packages(include=["transformer_lm*"]),
        "transformer_lm.configs",
        "transformer_lm.hf_custom_model.segmented_tokenizer",
        "transformer_lm.hf_custom_model.transformer_lm",
    ],
)
