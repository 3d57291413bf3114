"""What several objectives are tested with."""

import pytest

from tests.objectives.toys import make_batch, tiny


@pytest.fixture
def batch():
    return make_batch()


@pytest.fixture(scope="session")
def bert():
    return tiny("bert")


@pytest.fixture(scope="session")
def electra():
    return tiny("electra", generator_size=0.5, shared_embeddings="none")
