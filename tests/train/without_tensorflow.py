"""Runs a program in a process that cannot import TensorFlow.

Arguments: the program and its own arguments.
"""

import runpy
import sys

NAMES = ("tensorflow", "tensorflow_text", "tensorflow_datasets", "clu")

if __name__ == "__main__":
    for name in NAMES:
        sys.modules[name] = None  # Importing it is an ImportError from here on.
    sys.argv = sys.argv[1:]
    runpy.run_path(sys.argv[0], run_name="__main__")
