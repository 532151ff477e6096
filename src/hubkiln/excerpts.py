"""What of a program's output is looked at to say why it failed: strangers may have written any of it, without end.

Patterns that look for a cause go over it again and again, some from every place. In an excerpt lines are short, blank
ones are few, and there is an end to it, so that each pattern is quick whatever stands there.
"""

from __future__ import annotations

import textwrap
from itertools import groupby

LONGEST_LINE = 1000
"""Characters of a line that are looked at: more than compilers and resolvers say in one."""


def short(text: str, most: int = 300) -> str:
    """`text` in one line of at most `most` characters; what is left out is left out between two words, and shown."""
    words = " ".join(text.split())
    if len(words) <= most:
        return words
    cut = textwrap.shorten(words, most, placeholder=" …")
    return cut if len(cut) > 2 else words[: most - 1] + "…"


def excerpt(text: str, most: int = 65536) -> str:
    """The last `most` characters of `text`; of each line the beginning, and of blank lines in a row one."""
    lines = [line[:LONGEST_LINE] for line in text[-most:].split("\n")]
    short: list[str] = []
    for blank, group in groupby(lines, key=lambda line: not line.strip()):
        short += [""] if blank else group
    return "\n".join(short)
