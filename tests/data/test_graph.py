import subprocess
import sys


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
