"""The largest batch that fits: doubling, then bisection."""

from collections.abc import Callable


def largest_fitting(fits: Callable[[int], bool], start: int, multiple: int = 1) -> int:
    """Returns the largest number of rows, a multiple of `multiple`, that fits.

    Exact up to one part in sixteen, because each try is a compilation. What fits with
    some rows is taken to fit with fewer.

    Args:
      fits: tries a number of rows.
      start: the first number tried.
      multiple: what rows come in.

    Returns:
      Rows; 0 if not even `multiple` fit.
    """
    good, bad = 0, None
    tried = max(start // multiple, 1)
    while bad is None or bad - good > max(1, good // 16):
        if fits(tried * multiple):
            good = tried
        else:
            bad = tried
        tried = 2 * good if bad is None else (good + bad) // 2
    return good * multiple
