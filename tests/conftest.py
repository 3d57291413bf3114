"""Eight CPU devices, no network, strict shapes."""

import os
import socket
from pathlib import Path

import jax
import pytest

jax.config.update("jax_platforms", "cpu")
jax.config.update("jax_num_cpu_devices", 8)
jax.config.update("jax_numpy_rank_promotion", "raise")
# Tests compile much and compute little.
jax.config.update("jax_disable_most_optimizations", True)

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """Refuses connections that leave this machine."""
    connect = socket.socket.connect

    def guarded(self, address):
        is_local = isinstance(address, str | bytes) or address[0] in (
            "127.0.0.1",
            "::1",
            "localhost",
        )
        if not is_local:
            pytest.fail(f"a test reached for the network: {address}")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


def _folder_of(variable: str) -> Path:
    folder = os.environ.get(variable)
    if not folder or not Path(folder).is_dir():
        pytest.skip(f"{variable} names no folder")
    return Path(folder)


@pytest.fixture
def fill_disk(monkeypatch):
    """Returns a function: a method of paths then writes a little, and fails.

    Files without `name` in theirs are written as ever.
    """

    def fill(kind, method, name=""):
        write = getattr(kind, method)

        def write_half(path, content, *arguments):
            if name not in path.name:
                return write(path, content, *arguments)
            write(path, content[:2])
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(kind, method, write_half)

    return fill


@pytest.fixture(scope="session")
def corpora():
    """Folder of large real corpora, where the machine has it."""
    return _folder_of("TRANSFORMER_LM_CORPORA")


@pytest.fixture(scope="session")
def fixtures():
    """Folder of files that other programs wrote, where the machine has it."""
    return _folder_of("TRANSFORMER_LM_FIXTURES")


@pytest.fixture(scope="session")
def tiny_settings():
    """Returns a function from keys to the settings of configs/tiny.py with them."""
    from transformer_lm.config import resolve
    from transformer_lm.config_files import load_config

    def make(family: str = "transformer_lm", **keys):
        config = load_config(f"{ROOT}/configs/tiny.py:{family}")
        with config.ignore_type():
            config.update(keys)
        return resolve(config)

    return make
