"""What a run would need on a TPU, found by compiling it, without a TPU."""
