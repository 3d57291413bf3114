"""Asks services of known vulnerabilities about locked versions: `make audit`.

    python .ci/audit.py PIP_AUDIT LOCK_FILE …

Ends with 1 if a version has a known vulnerability. Where no service knows the packages (or
none can be reached), it says loudly that nothing was audited, and ends with 0: tests and
releases do not hang on a service.
"""

import json
import subprocess
import sys

SERVICES = ("pypi", "osv")
"""Names of pip-audit; the second is asked where the first knows nothing."""


def audit(program: str, lock: str) -> int:
    """Audits a lock file; returns how many of its versions are vulnerable."""
    for service in SERVICES:
        command = [program, "--requirement", lock, "--vulnerability-service", service]
        command += ["--no-deps", "--disable-pip", "--progress-spinner=off"]
        ended = subprocess.run(
            [*command, "--format=json"], capture_output=True, text=True, check=False
        )
        try:
            found = json.loads(ended.stdout)["dependencies"]
        except (ValueError, KeyError):
            said = (ended.stderr.strip().splitlines() or ["no word"])[-1]
            print(f"{lock}: {service} does not answer: {said[:200]}", file=sys.stderr)
            continue
        known = [package for package in found if "skip_reason" not in package]
        if known:
            return report(lock, service, found, known)
        print(f"{lock}: {service} knows none of {len(found)} packages", file=sys.stderr)
    print(f"NOT AUDITED: {lock}; no service could tell anything", file=sys.stderr)
    return 0


def report(lock: str, service: str, found: list[dict], known: list[dict]) -> int:
    """Prints what a service knows; returns how many versions are vulnerable."""
    bad = [package for package in known if package["vulns"]]
    for package in bad:
        names = ", ".join(vulnerability["id"] for vulnerability in package["vulns"])
        print(f"{lock}: {package['name']} {package['version']}: {names}")
    unknown = [p["name"] for p in found if "skip_reason" in p]
    if unknown:
        print(f"{lock}: NOT AUDITED: {', '.join(unknown)}", file=sys.stderr)
    print(f"{lock}: {len(known)} of {len(found)} audited by {service}, {len(bad)} bad")
    return len(bad)


if __name__ == "__main__":
    program, *locks = sys.argv[1:]
    sys.exit(1 if sum([audit(program, lock) for lock in locks]) else 0)
