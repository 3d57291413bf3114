"""The drive over all readers for a while: `make fuzz`."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.fuzz.targets import TARGETS

SECONDS = int(os.environ.get("TRANSFORMER_LM_FUZZ_SECONDS", "60"))
MEMORY_MEGABYTES = 4000
HANG_SECONDS = 120


@pytest.mark.fuzz
@pytest.mark.timeout(SECONDS + 900)
def test_no_reader_fails_hangs_or_swells(tmp_path):
    pytest.importorskip("atheris", reason="make fuzz installs it")
    memory = Path("/dev/shm") if Path("/dev/shm").is_dir() else tmp_path
    with tempfile.TemporaryDirectory(dir=memory) as scratch:
        folder = Path(scratch) / "drive"
        folder.mkdir()
        options = [
            f"-max_total_time={SECONDS}",
            f"-rss_limit_mb={MEMORY_MEGABYTES}",
            f"-timeout={HANG_SECONDS}",
            f"-artifact_prefix={tmp_path}/",
            "-max_len=262144",
            "-verbosity=0",
        ]
        command = [sys.executable, "-m", "tests.fuzz.drive", str(folder), *options]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        found = folder / "summary.json"
        summary = json.loads(found.read_text()) if found.exists() else {"faults": {}}
        for kept in folder.glob("fault-*"):
            (tmp_path / kept.name).write_bytes(kept.read_bytes())
    print(json.dumps({**summary, "faults": [*summary["faults"]]}, indent=1))
    assert not summary["faults"], "\n".join(summary["faults"].values())
    assert ended.returncode == 0, f"inputs in {tmp_path}: {ended.stderr[-3000:]}"
    assert summary["readers"].keys() == TARGETS.keys()
