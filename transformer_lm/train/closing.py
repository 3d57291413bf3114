"""What a user sees when a run is done."""

from etils import epath

from transformer_lm.metrics import format_number
from transformer_lm.shipped import program
from transformer_lm.tools.report import write_report
from transformer_lm.train.hold_out import Outcome

ENTROPY = "eval_entropy_bits_per_character"


def closing_summary(outcome: Outcome, workdir: str) -> str:
    """Draws the curves and says what came out and where everything is."""
    paths = write_report(workdir)
    lines = []
    if outcome.samples:
        lines += ["", "Samples"]
        lines += [f"  {text}" for text in outcome.samples.values()]
    lines += ["", "Held-out figures"]
    lines += [
        f"  {name.removeprefix('eval_'):<28}{format_number(value)}"
        for name, value in outcome.metrics.items()
        if name not in (ENTROPY, "eval_objective")
    ]
    if ENTROPY in outcome.metrics:
        entropy = outcome.metrics[ENTROPY]
        reached = outcome.metrics["eval_bits_per_character"]
        lines.append(
            f"  {'entropy of the generator':<28}{format_number(entropy)} bits per"
            f" character: the model is {reached / entropy - 1:.1%} above the least that"
            " is possible"
        )
    folder = epath.Path(workdir)
    lines += [
        "",
        "Where it is",
        f"  loss curves     {paths.curves}",
        f"  report          {paths.page}",
    ]
    if (folder / "tensorboard").exists():
        lines.append(f"  TensorBoard     tensorboard --logdir={folder / 'tensorboard'}")
    lines.append(f"  checkpoints     {folder / 'checkpoints'}")
    if outcome.samples:
        lines.append(
            f"  more texts      {program('generate_text.py')} --workdir={workdir}"
            " --num_generated_texts=10"
        )
    return "\n".join(lines)
