"""On what, and with which versions, something was measured."""

import importlib.metadata
import json
import os
import platform
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

PACKAGES = ("jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy")
PEERS = ("torch", "transformers")


def describe() -> dict[str, Any]:
    """Returns processor, accelerator, versions, date and load."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "accelerator": _accelerator(),
        "load_average": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        **{name: _version(name) for name in (*PACKAGES, *PEERS)},
    }


def write_report(report: dict[str, Any], name: str | None) -> None:
    """Writes a report as JSON, whole or not at all; without a name, nowhere."""
    if name is None:
        return
    part = Path(f"{name}.part")
    part.write_text(json.dumps(report, indent=1) + "\n")
    part.replace(name)


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    facts = Path("/proc/cpuinfo")
    found = (
        re.search(r"model name\s*: (.*)", facts.read_text()) if facts.exists() else None
    )
    return found[1] if found else platform.processor()


def _accelerator() -> str | None:
    """Asks the driver, so that this process does not take the device."""
    command = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=True)
    except (FileNotFoundError, subprocess.CalledProcessError):
        return None
    return answer.stdout.strip()
