"""Fuzzes one reader with atheris (coverage-guided, on libFuzzer) until its time is up.

    python -m tests.fuzz.drive TARGET SCRATCH_FOLDER [options of libFuzzer …]

Its last lines tell how many inputs were run; a fault ends it with a traceback and leaves
the input under the option -artifact_prefix.
"""

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(
    include=["transformer_lm", "json", "msgpack", "safetensors", "flax.serialization"],
    enable_loader_override=False,
):
    from tests.fuzz.target import attack
    from tests.fuzz.targets import TARGETS


def main() -> None:
    """Runs until libFuzzer ends the process."""
    name, scratch, *options = sys.argv[1:]
    target = TARGETS[name]
    folder = Path(scratch)
    seeds = folder / "seeds"
    seeds.mkdir(parents=True)
    for number, seed in enumerate(target.seeds):
        (seeds / str(number)).write_bytes(seed)
    place = folder / "files"
    place.mkdir()

    def run(content: bytes) -> None:
        attack(target, content, place)

    atheris.Setup([name, *options, str(seeds)], run)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
