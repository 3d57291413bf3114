"""Pretrain language models in JAX and Flax, from a config to the Hugging Face Hub."""

__version__ = "0.1.0"
