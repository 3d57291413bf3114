"""Fuzzes all readers with atheris (coverage-guided, on libFuzzer) until its time is up.

    python -m tests.fuzz.drive FOLDER [options of libFuzzer …]

One process drives all readers, because starting one takes longer than ten thousand
inputs: the first byte of an input chooses its reader. What a reader raises beside a plain
message is kept in FOLDER, with its input, once for each place in the code; the run goes
on. FOLDER/summary.json tells the counts. A reader that hangs, takes too much memory or
crashes the interpreter ends the run, and libFuzzer keeps the input.
"""

import collections
import contextlib
import json
import random
import resource
import sys
import time
import traceback
from pathlib import Path

import atheris

with atheris.instrument_imports(
    include=["transformer_lm", "json", "msgpack", "safetensors", "flax.serialization"],
    exclude=["transformer_lm.corpora.everyday", "transformer_lm.models"],
    enable_loader_override=False,
):
    from tests.fuzz.target import attack
    from tests.fuzz.targets import TARGETS

SUMMARY_SECONDS = 5.0
FROM_SEEDS = 0.3
"""Share of the inputs that are made of sound ones; the rest follow the coverage."""


class Drive:
    """Counts what is run, and keeps what fails."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._targets = list(TARGETS.values())
        self._inputs: collections.Counter[str] = collections.Counter()
        self._refused: collections.Counter[str] = collections.Counter()
        self._slowest: dict[str, float] = {}
        self._longest: dict[str, int] = {}
        self._faults: dict[str, str] = {}
        self._told = 0.0
        self._corpus: list[list[bytes]] = []
        for target in self._targets:
            (folder / "files" / target.name).mkdir(parents=True)
        self.seeds = folder / "seeds"
        self.seeds.mkdir()
        for number, target in enumerate(self._targets):
            self._corpus.append([bytes([number]) + seed for seed in target.seeds])
            for place, seed in enumerate(self._corpus[-1]):
                (self.seeds / f"{target.name}-{place}").write_bytes(seed)

    def mutate(self, data: bytes, longest: int, seed: int) -> bytes:
        """Changes an input; now and then a sound one of the reader that had fewest."""
        chance = random.Random(seed)
        if chance.random() < FROM_SEEDS:
            names = [target.name for target in self._targets]
            number = min(range(len(names)), key=lambda n: self._inputs[names[n]])
            data = chance.choice(self._corpus[number])
        return atheris.Mutate(data, longest)

    def run(self, data: bytes) -> None:
        """Hands an input to the reader that its first byte names."""
        if not data:
            return
        target, content = self._targets[data[0] % len(self._targets)], data[1:]
        started = time.monotonic()
        try:
            complaint = attack(target, content, self._folder / "files" / target.name)
            self._refused[target.name] += complaint is not None
        except BaseException as error:  # noqa: BLE001  (what Rust raises is no Exception)
            self._keep(target.name, content, error)
        seconds = time.monotonic() - started
        self._inputs[target.name] += 1
        self._slowest[target.name] = max(self._slowest.get(target.name, 0.0), seconds)
        self._longest[target.name] = max(
            self._longest.get(target.name, 0), len(content)
        )
        if time.monotonic() - self._told > SUMMARY_SECONDS:
            self.tell()

    def _keep(self, name: str, content: bytes, error: BaseException) -> None:
        """Keeps a fault, if it is the first of its kind."""
        frames = [
            frame
            for frame in traceback.extract_tb(error.__traceback__)
            if "transformer_lm" in frame.filename
        ]
        place = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "elsewhere"
        kind = f"{name}: {type(error).__name__} at {place}"
        if kind not in self._faults:
            self._faults[kind] = "".join(traceback.format_exception(error))
            (self._folder / f"fault-{len(self._faults)}-{name}").write_bytes(content)
            self.tell()

    def tell(self) -> None:
        """Writes the summary."""
        self._told = time.monotonic()
        summary = {
            "inputs": sum(self._inputs.values()),
            "peak_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            // 1024,
            "readers": {
                name: {
                    "inputs": count,
                    "refused": self._refused[name],
                    "slowest_seconds": round(self._slowest[name], 3),
                    "longest_bytes": self._longest[name],
                }
                for name, count in sorted(self._inputs.items())
            },
            "faults": self._faults,
        }
        unfinished = self._folder / "summary.json.unfinished"
        unfinished.write_text(json.dumps(summary, indent=1))
        with contextlib.suppress(OSError):
            unfinished.replace(self._folder / "summary.json")


def main() -> None:
    """Runs until libFuzzer ends the process."""
    folder, *options = sys.argv[1:]
    drive = Drive(Path(folder))
    atheris.Setup(
        ["drive", *options, str(drive.seeds)], drive.run, custom_mutator=drive.mutate
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main()
