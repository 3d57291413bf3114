import subprocess
import sys

import pytest

from transformer_lm.data.graph import PythonCalls, import_tensorflow


def test_a_process_ends_while_data_is_still_read_ahead():
    """Python functions of the graph run on in threads when the program is done."""
    code = """
import time
from transformer_lm.data.graph import PythonCalls, import_tensorflow
tensorflow = import_tensorflow()
calls = PythonCalls()


def slow(number):
    time.sleep(0.02)
    return number


dataset = (
    tensorflow.data.Dataset.range(10**6)
    .map(lambda number: calls.call(slow, [number], [tensorflow.int64])[0])
    .prefetch(8)
)
elements = calls.iterate(dataset)
print(next(elements), next(elements))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (0, "0 1\n"), done.stderr


def test_what_the_system_says_of_a_file_comes_out_as_it_is(tmp_path):
    """Text may vanish while it is read; TensorFlow would wrap that in a traceback."""
    tensorflow = import_tensorflow()
    calls = PythonCalls()

    def read(number):
        (tmp_path / "gone.txt").read_text()
        return number

    dataset = tensorflow.data.Dataset.range(1).map(
        lambda number: calls.call(read, [number], [tensorflow.int64])
    )
    with pytest.raises(FileNotFoundError, match=r"gone\.txt"):
        list(calls.iterate(dataset))
