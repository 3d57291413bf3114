"""A random sample of the lines of a text, of bounded size, in one pass."""

import hashlib
import heapq
from collections.abc import Iterable


def sample_lines(lines: Iterable[str], characters: int, seed: int) -> list[str]:
    """Returns lines drawn at random, in random order.

    Each line has a random key, a hash of the seed and its text; those with the smallest
    keys are kept (a bottom-k sample). So the sample depends on the seed and on the set
    of lines alone, not on the order of files, and memory on `characters` alone.

    Args:
      lines: all of the text.
      characters: how many to draw; all lines, if there are not more. The last line may
        go beyond.
      seed: of the keys.
    """
    salt = seed.to_bytes(16, "little", signed=True)
    kept: list[tuple[int, str]] = []
    total = 0
    for line in lines:
        digest = hashlib.blake2b(line.encode(), digest_size=8, salt=salt).digest()
        heapq.heappush(kept, (-int.from_bytes(digest), line))
        total += len(line)
        while total - len(kept[0][1]) >= characters:
            total -= len(heapq.heappop(kept)[1])
    return [line for _, line in sorted(kept, reverse=True)]
