"""All figures of docs/performance.md that a CPU gives; writes one JSON file.

python -m benchmarks.all_cpu --json=cpu.json

A quarter of an hour on two idle cores, most of it compiling. The benchmarks run one after
the other, each in a process of its own; what each prints is shown as it comes.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.machine import write_report

BENCHMARKS = {
    "train_step": ("--rounds=7", "--turn_seconds=1.5"),
    "sampling": ("--rounds=5", "--turn_seconds=0.5"),
    "checkpoint": ("--rounds=4",),
}


def main() -> None:
    """Runs all of them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", required=True, help="file to write")
    arguments = parser.parse_args()
    report = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, flags in BENCHMARKS.items():
            written = Path(folder) / f"{name}.json"
            command = [sys.executable, "-m", f"benchmarks.{name}", "--preset=cpu"]
            subprocess.run([*command, *flags, f"--json={written}"], check=True)
            report[name] = json.loads(written.read_text())
            write_report(report, arguments.json)


if __name__ == "__main__":
    main()
