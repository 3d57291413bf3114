"""A plan as people read it, and as programs do."""

import dataclasses
from typing import Any

from transformer_lm.planning.memory import GIB
from transformer_lm.planning.plan import Plan
from transformer_lm.planning.roofline import ASSUMPTIONS


def plan_text(plan: Plan) -> str:
    """Returns the plan as lines for a terminal."""
    hbm = plan.hbm_bytes / GIB
    needed = "more" if plan.needed_bytes is None else _gib(plan.needed_bytes)
    mesh = " x ".join(f"{axis} {size}" for axis, size in plan.mesh.items())
    lines = [
        f"{'FITS' if plan.fits else 'DOES NOT FIT'}: {needed} of {hbm:.2f} GiB a chip"
        f" on {plan.topology} ({plan.chips} chips, {mesh})",
        f"  {plan.parameters / 1e6:,.1f} million parameters; {plan.rows:,} rows of"
        f" {plan.length} tokens a step, {plan.rows_per_chip:g} a chip, in"
        f" {plan.accumulation} micro-batch(es)",
        "",
        "Memory of a chip                    GiB   share of HBM",
    ]
    lines += [
        f"  {name:<30}{_gib(size):>8}{size / plan.hbm_bytes:>14.1%}"
        for name, size in plan.bytes_by_class.items()
    ]
    if not plan.fits:
        lines += [
            f"  and activations, temporaries and code, which are too large:\n"
            f"  {plan.verdict}",
            "Take fewer rows (or more grad_accumulation_steps), remat=dots or full, or"
            " divide the state: fsdp_parallel, shard_optimizer_over_data.",
        ]
    else:
        lines += ["", *_traffic_lines(plan), "", *_estimate_lines(plan)]
    return "\n".join([*lines, f"Compiled in {plan.compile_seconds:.0f} s."])


def _gib(size: float) -> str:
    return f"{size / GIB:.3f}" if size < GIB else f"{size / GIB:.2f}"


def _traffic_lines(plan: Plan) -> list[str]:
    """What goes over the network."""
    assert plan.collectives is not None
    lines = ["Collectives of a step          times     MiB sent by a chip"]
    lines += [
        f"  {kind:<24}{traffic.count:>10,.0f}{traffic.sent_bytes / 2**20:>18,.1f}"
        for kind, traffic in plan.collectives.by_kind.items()
    ]
    if unknown := plan.collectives.unknown_loops:
        lines.append(
            f"  TOO FEW: {unknown} loop(s) with collectives turn a number of times that"
            " the program does not tell; they count once"
        )
    return lines


def _estimate_lines(plan: Plan) -> list[str]:
    """How long a step would take at best."""
    assert plan.estimate is not None
    found = plan.estimate
    tokens = plan.rows * plan.length
    # What overlaps perfectly and what does not at all are the two ends.
    fast, slow = found.overlapped, found.one_by_one
    return [
        f"Model FLOPs of a step: {plan.flops_per_step:.4g} ({tokens:,} tokens)",
        "ESTIMATE of a step, by the roofline (nothing was run):",
        f"  compute {found.compute * 1e3:.1f} ms, HBM {found.hbm * 1e3:.1f} ms,"
        f" ICI {found.ici * 1e3:.1f} ms",
        f"  {fast * 1e3:.1f} ms if all overlap, {slow * 1e3:.1f} ms if nothing does:"
        f" {tokens / slow:,.0f} to {tokens / fast:,.0f} tokens/s, MFU"
        f" {found.compute / slow:.0%} to {found.compute / fast:.0%}, at best",
        *(f"  assumes: {line}" for line in ASSUMPTIONS),
    ]


def plan_values(plan: Plan) -> dict[str, Any]:
    """Returns the plan as JSON values; bytes are bytes and seconds are seconds."""
    values = dataclasses.asdict(plan)
    if plan.estimate is not None:
        values["estimate"] |= {
            "is_estimate": True,
            "overlapped": plan.estimate.overlapped,
            "one_by_one": plan.estimate.one_by_one,
            "assumptions": list(ASSUMPTIONS),
        }
    return values
