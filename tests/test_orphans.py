"""Processes that lose their main process end."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

POOLS = {
    "build_corpus": """
from transformer_lm.corpora.build.workers import Workers
workers = Workers(2)
list(workers.map(abs, range(4)))
pool = workers._pool
""",
    "tokenizers": """
from transformer_lm.tokenizers.processes import Workers
workers = Workers(abs, 2)
list(workers.map(range(4)))
pool = workers._pool
""",
    "prepare": """
import concurrent.futures, multiprocessing
from transformer_lm.data import shard_runners
made = concurrent.futures.ProcessPoolExecutor
def keep(*arguments):
    global pool
    pool = made(*arguments)
    pool.submit(abs, 1).result()
    pool.submit(abs, 2).result()
    return pool
concurrent.futures.ProcessPoolExecutor = keep
class Tasks(list):
    def __iter__(self):
        tell(pool)
        return super().__iter__()
shard_runners.run_locally(Tasks([1, 2]), 2)
""",
}
"""Programs that have a pool of the tool's own, with its workers started, as `pool`."""

BEGIN = """
import time
def tell(pool):
    print(*pool._processes, flush=True)
    time.sleep(600)
if __name__ == "__main__":
"""


def alive(process):
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at /proc")
@pytest.mark.parametrize("pool", POOLS)
def test_workers_of_a_killed_process_end(pool, tmp_path):
    lines = [*POOLS[pool].splitlines(), "tell(pool)"]
    program = tmp_path / "program.py"
    program.write_text(BEGIN + "\n".join(f"    {line}" for line in lines) + "\n")
    main = subprocess.Popen(
        [sys.executable, str(program)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert main.stdout is not None
    workers = [int(word) for word in main.stdout.readline().split()]
    assert workers
    assert all(map(alive, workers))
    main.send_signal(signal.SIGKILL)
    main.stdout.close()
    main.wait()
    deadline = time.monotonic() + 60
    while any(map(alive, workers)):
        assert time.monotonic() < deadline, "workers are left behind"
        time.sleep(0.01)
