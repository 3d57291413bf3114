"""Environment settings, made before JAX and TensorFlow start; a user's own win."""

import logging
import os

SETTINGS = {
    # TensorFlow reads text here and nothing else: no notes about missing GPUs.
    "TF_CPP_MIN_LOG_LEVEL": "3",
    # One-step jobs of the input pipeline must not change with oneDNN's threads.
    "TF_ENABLE_ONEDNN_OPTS": "0",
}


def prepare_environment() -> None:
    """Sets what the user has not set."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    # Says at each start that no TPU was found where there is none.
    logging.getLogger("jax._src.xla_bridge").setLevel(logging.WARNING)
