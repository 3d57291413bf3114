"""Hostile inputs out of sound ones, for hypothesis."""

from hypothesis import strategies as st

NASTY = (
    *(
        b"\x00",
        b"\xff" * 8,
        b"\xff\xfe",
        b"\xed\xa0\x80",
        b"\n" * 9,
        b'"' * 3,
        b"../" * 3,
    ),
    *(
        b"-1",
        b"9" * 5000,
        b"1e999",
        b"NaN",
        b"null",
        b"[]",
        b"{}",
        b"\\ud800",
        b"&#xD800;",
    ),
    *(
        b"[" * 3000,
        b'{"a":' * 3000,
        b"{{" * 999,
        b"<a " * 999,
        b"true",
        b"\xf0\x9f\x98\x80",
    ),
)
"""What readers of all kinds trip over."""


@st.composite
def mutated(draw: st.DrawFn, seeds: tuple[bytes, ...]) -> bytes:
    """Draws a sound input with some places cut out, repeated or written over."""
    content = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(0, 4))):
        first, last = sorted(draw(st.integers(0, len(content))) for _ in range(2))
        put = draw(
            st.one_of(
                st.binary(max_size=8),
                st.sampled_from(NASTY),
                st.just(content[first:last] * 2),
            )
        )
        last = draw(st.sampled_from((first, min(first + len(put), len(content)), last)))
        content = content[:first] + put + content[last:]
    return content
