"""Little is computed here and much compiled."""

import jax
import pytest


@pytest.fixture(autouse=True, scope="package")
def quick_to_compile():
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)
