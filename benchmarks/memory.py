"""Peak memory of commands, one after the other; prints JSON.

python benchmarks/memory.py 'python -m some.tool --inputs 1x.txt' \
    'python -m some.tool --inputs 4x.txt'

The figure is the resident set of the largest process of a command, as the kernel counts
it, file pages of memory maps included; a command with N workers takes N of its workers
besides. `ratio` compares a command with the first one.
"""

import argparse
import json
import os
import resource
import shlex
import subprocess
import sys
import time


def measure(command: str) -> dict[str, str | float]:
    """Runs a command; returns its peak resident set in MiB and its seconds.

    Raises:
      SystemExit: if the command fails.
    """
    start = time.monotonic()
    process = subprocess.Popen(shlex.split(command))
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"`{command}` ended with code {process.returncode}")
    return {
        "command": command,
        "peak_mib": round(_peak_bytes(usage) / 2**20, 1),
        "seconds": round(time.monotonic() - start, 1),
    }


def _peak_bytes(usage: resource.struct_rusage) -> int:
    """Peak resident set; Linux counts it in KiB, macOS in bytes."""
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("commands", nargs="+", metavar="COMMAND", help="a command line")
    results = [measure(command) for command in parser.parse_args().commands]
    for result in results:
        result["ratio"] = round(
            float(result["peak_mib"]) / float(results[0]["peak_mib"]), 3
        )
    print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
