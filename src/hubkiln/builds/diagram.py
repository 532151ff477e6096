"""The table of phases as a Mermaid picture; ``python -m hubkiln.builds.diagram PAGE`` renews it in a page."""

from __future__ import annotations

import sys
from pathlib import Path

from hubkiln.builds.events import ENDS, NEXT, Phase

BEGIN, END = "<!-- diagram: begin -->", "<!-- diagram: end -->"


def diagram() -> str:
    """
    A Mermaid state diagram of how a build goes forward.

    That every phase can also stop, or begin anew, is one note, not an arrow from each.
    """
    aside = (ENDS - {Phase.READY}) | {Phase.QUEUED}
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {Phase.QUEUED}"]
    for now in Phase:
        following = [then for then in Phase if then in NEXT[now] and then not in aside]
        lines += [f"    {now} --> {then}" for then in following]
    lines += [f"    {end} --> [*]" for end in Phase if end in ENDS]
    stops = ", ".join(end for end in Phase if end in ENDS and end is not Phase.READY)
    lines += [
        f"    note left of {Phase.FAILED}",
        f"        every phase before an end can also go to: {stops},",
        f"        and back to {Phase.QUEUED} when the process that builds it is gone",
        "    end note",
    ]
    return "\n".join([*lines, "```"])


def renewed(page: str) -> str:
    """`page` with the diagram between its two marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{diagram()}\n{END}{after}"


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(renewed(path.read_text()))
