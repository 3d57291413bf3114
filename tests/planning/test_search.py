import pytest

from transformer_lm.planning.search import largest_fitting


@pytest.mark.parametrize("limit", [0, 1, 2, 3, 7, 8, 31, 100, 1000])
@pytest.mark.parametrize("start", [1, 8, 50])
@pytest.mark.parametrize("multiple", [1, 4])
def test_close_to_the_limit_and_never_above(limit, start, multiple):
    tried = []

    def fits(rows):
        tried.append(rows)
        return rows <= limit

    found = largest_fitting(fits, start, multiple)
    exact = limit // multiple * multiple
    assert found <= exact
    # At most a sixteenth lower, and exact while numbers are small.
    assert exact - found <= max(multiple, exact / 16) - multiple / 1e9
    assert len(set(tried)) == len(tried) <= 20
    assert all(rows % multiple == 0 for rows in tried)
