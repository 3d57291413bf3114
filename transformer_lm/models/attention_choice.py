"""Which attention kernel is exact for a run, told before anything is compiled."""

from collections.abc import Sequence
from dataclasses import dataclass

ATTENTION_CHOICES = ("auto", "xla", "splash", "triton", "cudnn")
"""Values of `attention`; xla works always and everywhere."""

PREFERRED = {"tpu": ("splash",), "gpu": ("cudnn", "triton")}
"""What "auto" tries on a backend, best first; elsewhere xla is the choice itself."""

BACKENDS = {kernel: backend for backend, names in PREFERRED.items() for kernel in names}
"""Where a kernel runs."""

DTYPES = {
    "splash": ("bfloat16", "float32"),
    "triton": ("bfloat16", "float16"),
    "cudnn": ("bfloat16", "float16"),
}
"""Data types of the computation that a kernel takes."""


@dataclass(frozen=True)
class AttentionUse:
    """What a run asks of attention."""

    backend: str | None
    """Of the run's devices, as JAX calls it: cpu, gpu, tpu; None: not known yet."""
    dtype: str
    """Of the computation."""
    head_dims: tuple[int, ...]
    """Width of a head, for each network of the run."""
    lengths: tuple[int, ...]
    """Tokens in a row, in training and in evaluation."""
    dropout_rate: float
    """Of attention weights."""
    is_one_text: bool
    """Whether each row is one text, with all padding at its right."""


def obstacles(kernel: str, use: AttentionUse) -> list[str]:
    """Says why a kernel is not exact or not possible, a reason each; nothing: it is."""
    if kernel == "xla":
        return []
    found = []
    if use.backend not in (None, BACKENDS[kernel]):
        found.append(
            f"it runs on {BACKENDS[kernel].upper()} and the backend is {use.backend}"
        )
    if use.dropout_rate:
        found.append(
            "it has no dropout of attention weights"
            f" (attention_dropout_rate={use.dropout_rate}; set 0.0)"
        )
    if use.dtype not in DTYPES[kernel]:
        found.append(
            f"it computes in {' or '.join(DTYPES[kernel])}, not {use.dtype}"
            " (use_bfloat16, dtype)"
        )
    for length in use.lengths:
        if not _takes_length(kernel, length):
            found.append(
                f"rows of {length} tokens are no multiple of 128 (max_target_length,"
                " max_eval_target_length)"
            )
    for size in use.head_dims:
        if not _takes_head(kernel, size):
            limit = "multiple of 8 up to 128" if kernel == "cudnn" else "size up to 128"
            found.append(f"heads of {size} dimensions are no {limit} (num_heads)")
    if kernel == "cudnn" and not use.is_one_text:
        found.append(
            "packed rows have several documents, which it cannot keep apart (row_mode)"
        )
    return list(dict.fromkeys(found))


def _takes_length(kernel: str, length: int) -> bool:
    """Splash's and Triton's blocks are of 128 tokens."""
    return kernel == "cudnn" or length % 128 == 0


def _takes_head(kernel: str, size: int) -> bool:
    """A block of heads must fit into the GPU's shared memory."""
    if kernel == "splash":
        return True
    return size <= 128 and (kernel != "cudnn" or size % 8 == 0)


def choice_obstacles(choice: str, use: AttentionUse) -> list[str]:
    """Says why a config cannot have the kernel it names, a line each."""
    if choice == "auto" or choice not in ATTENTION_CHOICES:
        return []
    return [f"attention={choice!r}: {reason}" for reason in obstacles(choice, use)]


def choose(choice: str, use: AttentionUse) -> tuple[str, Sequence[str]]:
    """Settles on a kernel.

    Args:
      choice: one of `ATTENTION_CHOICES`; an explicit one must have no obstacles.
      use: what it is for; its backend is known.

    Returns:
      (kernel, why each faster one was left out).
    """
    if choice != "auto":
        return choice, []
    reasons = []
    for kernel in PREFERRED.get(use.backend or "", ()):
        found = obstacles(kernel, use)
        if not found:
            return kernel, []
        reasons.append(f"{kernel}: {'; '.join(found)}")
    return "xla", reasons
