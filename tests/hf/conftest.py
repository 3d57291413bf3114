from tests.tools.conftest import runs

__all__ = ["runs"]
