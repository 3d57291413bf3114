import sys

import pytest

from tests.licences import PAGE, licences


@pytest.mark.skipif(
    sys.version_info[:2] != (3, 11), reason="the page is that of Python 3.11"
)
def test_the_list_of_licences_is_that_of_the_installed_packages():
    """`make licences` writes it anew; other platforms may need other packages besides."""
    listed = dict(
        line.strip("|\n ").split(" | ")
        for line in PAGE.read_text().splitlines()
        if line.startswith("| ") and not line.startswith("| package")
    )
    assert licences().items() <= listed.items()
