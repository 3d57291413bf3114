"""Who holds a work folder: a process of a machine, and whether it still lives."""

import os
import socket
import time
import uuid
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Owner:
    """Who holds a work folder."""

    host: str
    machine: str
    """Boot and process namespace: where a process number means something."""
    process: int
    process_start: str
    """Told by the system; another process may get the same number later."""
    started: str
    """Local time, for people."""
    token: str
    """Drawn for each run."""
    beat: int = 0
    """How often the lock was rewritten."""

    def __str__(self) -> str:
        return f"process {self.process} on host {self.host}, started {self.started}"

    def is_here(self) -> bool:
        """Whether it was written on this machine, so that its process can be seen."""
        return self.machine == _machine()

    def is_gone(self) -> bool:
        """Whether it is known that its process is no more.

        Nothing of this machine outlives its start; of another one nothing is known.
        """
        if self.is_here():
            return _process_start(self.process) != self.process_start
        boot, this_boot = self.machine.split()[:1], _machine().split()[:1]
        return self.host == socket.gethostname() and boot != this_boot


def this_process() -> Owner:
    """Describes the process that calls it."""
    process = os.getpid()
    return Owner(
        host=socket.gethostname(),
        machine=_machine(),
        process=process,
        process_start=_process_start(process),
        started=time.strftime("%Y-%m-%d %H:%M:%S %z"),
        token=uuid.uuid4().hex,
    )


def _machine() -> str:
    boot = Path("/proc/sys/kernel/random/boot_id")
    if not boot.exists():
        return socket.gethostname()
    return f"{boot.read_text().strip()} {Path('/proc/self/ns/pid').readlink()}"


def _process_start(process: int) -> str:
    """When a process began, in the system's ticks; empty if there is none."""
    if not Path("/proc/self/stat").exists():
        return _exists(process)
    try:
        # proc(5): field 22, counted behind the name, which may hold blanks and brackets.
        stat = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return ""
    state, *fields = stat.rpartition(")")[2].split()
    return "" if state == "Z" else fields[18]


def _exists(process: int) -> str:
    """All that systems without /proc tell: whether there is such a process."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:
        pass
    return "exists"
