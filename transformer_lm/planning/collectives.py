"""What chips send to each other in a compiled program, read from its HLO text."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

KINDS = (
    *("all-reduce", "all-gather", "reduce-scatter", "all-to-all"),
    *("collective-permute", "collective-broadcast", "ragged-all-to-all"),
)

_COMPUTATION = re.compile(r"^(ENTRY )?%?([\w.-]+) .*\{$")
_OPERATION = re.compile(r"^\s+(?:ROOT )?%?[\w.-]+ = (.+?) ([a-z][a-z-]*)\((.*)$")
_SHAPE = re.compile(r"\b(pred|[a-z]+\d+\w*)\[([\d,]*)\]")
_CALLED = re.compile(
    r"(?:calls|to_apply|branch_computations|true_computation|false_computation)="
    r"(\{[^}]*\}|%?[\w.-]+)"
)
_TRIPS = re.compile(r'known_trip_count"?:\{"n":"(\d+)"')
_LISTED_GROUP = re.compile(r"replica_groups=\{\{([\d,]*)\}")
_IOTA_GROUP = re.compile(r"replica_groups=\[(\d+),(\d+)\]<=")
_MESH_GROUP = re.compile(r"replica_groups=mesh\[([^\]]*)\] \{([^}]*)\}")


@dataclass(frozen=True)
class Traffic:
    """All collectives of one kind in a step."""

    count: float
    """How often a chip takes part, turns of loops multiplied."""
    sent_bytes: float
    """Bytes that a chip sends, by a ring."""


@dataclass(frozen=True)
class Collectives:
    """The traffic of a step."""

    by_kind: dict[str, Traffic]
    unknown_loops: int
    """Loops with collectives that turn an unknown number of times, counted as once."""

    @property
    def sent_bytes(self) -> float:
        """Bytes that a chip sends in a step."""
        return sum(traffic.sent_bytes for traffic in self.by_kind.values())


def read_collectives(hlo: str, num_devices: int) -> Collectives:
    """Counts the collectives of a compiled program.

    A pair of start and done counts once, and so does one that the TPU compiler spreads
    over several fusions (they have a chain_id). An all-reduce inside a fusion called
    all-reduce-scatter is a reduce-scatter.

    Args:
      hlo: text of the optimised program, as `Compiled.as_text()` gives it.
      num_devices: of the program; the size of a group that is not named.
    """
    computations, entry = _computations(hlo)
    totals: dict[str, list[float]] = {}
    chains: set[tuple[str, str, str]] = set()
    unknown_loops = 0

    def visit(name: str, times: float) -> int:
        """Adds up a computation; returns how many collectives it has."""
        nonlocal unknown_loops
        found = 0
        for result, operation, rest in computations[name]:
            kind = operation.removesuffix("-start")
            if kind in KINDS:
                is_scatter = name.startswith("all-reduce-scatter")
                kind = "reduce-scatter" if is_scatter else kind
                group = _group_size(rest, num_devices)
                chain = _chain(kind, rest)
                if group < 2 or chain in chains:
                    continue
                if chain is not None:
                    chains.add(chain)
                size = _payload(operation, result, group)
                total = totals.setdefault(kind, [0.0, 0.0])
                total[0] += times
                total[1] += times * _sent(kind, size, group)
                found += 1
            elif operation == "while":
                turns = _turns(rest, computations)
                inside = visit(_attribute("body", rest), times * (turns or 1))
                unknown_loops += turns is None and inside > 0
                found += inside
            elif not operation.endswith(("-done", "-update")):
                for called in _called(rest):
                    if called in computations:
                        found += visit(called, times)
        return found

    visit(entry, 1.0)
    by_kind = {kind: Traffic(*total) for kind, total in sorted(totals.items())}
    return Collectives(by_kind, unknown_loops)


def _computations(hlo: str) -> tuple[dict[str, list[tuple[str, str, str]]], str]:
    """Splits a module into {name: [(result type, operation, the rest)]} and its entry."""
    found: dict[str, list[tuple[str, str, str]]] = {}
    entry, inside = "", []
    for line in hlo.splitlines():
        if header := _COMPUTATION.match(line):
            inside = found[header[2]] = []
            entry = header[2] if header[1] else entry
        elif operation := _OPERATION.match(line):
            inside.append((operation[1], operation[2], operation[3]))
    return found, entry


def _attribute(name: str, rest: str) -> str:
    """The computation that an attribute names."""
    match = re.search(rf"\b{name}=%?([\w.-]+)", rest)
    assert match is not None, f"no {name} in {rest}"
    return match[1]


def _called(rest: str) -> Iterator[str]:
    """Names of the computations that an operation runs."""
    for names in _CALLED.findall(rest):
        yield from re.findall(r"[\w.-]+", names)


def _turns(
    rest: str, computations: dict[str, list[tuple[str, str, str]]]
) -> int | None:
    """How often a loop turns: as the compiler says, or the bound of its condition."""
    if known := _TRIPS.search(rest):
        return int(known[1])
    bounds = [
        int(operands.partition(")")[0])
        for result, operation, operands in computations[_attribute("condition", rest)]
        if operation == "constant" and re.match(r"[su]\d+\[\]", result)
    ]
    return bounds[0] if len(bounds) == 1 else None


def _chain(kind: str, rest: str) -> tuple[str, str, str] | None:
    """What the parts of one collective have in common; None: it is whole."""
    chain = re.search(r'chain_id="(\d+)"', rest)
    channel = re.search(r"channel_id=(\d+)", rest)
    return (kind, chain[1], channel[1]) if chain and channel else None


def _group_size(rest: str, num_devices: int) -> int:
    """Devices that work together."""
    if listed := _LISTED_GROUP.search(rest):
        return listed[1].count(",") + 1
    if iota := _IOTA_GROUP.search(rest):
        return int(iota[2])
    if named := _MESH_GROUP.search(rest):
        sizes = dict(re.findall(r"'(\w+)'=(\d+)", named[1]))
        return math.prod(int(sizes[axis]) for axis in re.findall(r"'(\w+)'", named[2]))
    return num_devices


def _payload(operation: str, result: str, group: int) -> float:
    """Bytes of the whole array: what is reduced, gathered, exchanged or passed on."""
    sizes = [
        math.prod(int(length) for length in lengths.split(",") if length)
        * _item_bytes(dtype)
        for dtype, lengths in _SHAPE.findall(result)
    ]
    if operation in ("all-gather-start", "collective-permute-start"):
        return max(sizes)  # Beside the result, the pair has the operand.
    return sum(sizes) * (group if operation == "reduce-scatter" else 1)


def _item_bytes(dtype: str) -> float:
    """Bytes of an element."""
    bits = re.search(r"\d+", dtype)
    return int(bits[0]) / 8 if bits else 1


def _sent(kind: str, size: float, group: int) -> float:
    """Bytes that a chip sends around a ring of `group`.

    Patarasuk and Yuan 2009, section 3: an all-reduce is a reduce-scatter and an
    all-gather, and each of these sends all parts of the array but one.
    """
    if kind in ("collective-permute", "collective-broadcast"):
        return size
    passes = 2 if kind == "all-reduce" else 1
    return passes * size * (group - 1) / group
