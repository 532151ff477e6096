"""A compiler's or a script's words turned into ours: what is missing, and which line to add where.

Pure. What is known is in :mod:`hubkiln.composer.steps.explain.patterns`; of an unknown failure the lines that matter
are shown. Limits (time, memory, disk) are noticed by whoever runs the step and arrive here as errors already.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from hubkiln.composer.steps.explain.answers import module_of_script, no_network, python_module
from hubkiln.composer.steps.explain.lines import cause, last_lines, telling, traced
from hubkiln.composer.steps.explain.patterns import OF_THE_NETWORK, ROWS
from hubkiln.egress import EVERYTHING, NOTHING, Reach, host_in, unanswered
from hubkiln.errors import BuildFailed, DiskFull, HubkilnError, Unreachable
from hubkiln.excerpts import excerpt, short

_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def explain_build(
    output: str, what: str, error: HubkilnError, *, reach: Reach = EVERYTHING, refused: Sequence[str] = ()
) -> HubkilnError:
    """
    The error that the failed step `what`, which printed `output`, means.

    `error` is what whoever ran it made of its end; it is kept where a limit was reached or nothing better is known.
    `refused` are hosts that it asked for in vain, because they are not in `reach`.
    """
    if not isinstance(error, BuildFailed) or "exit code" not in error.message:
        return error
    text = excerpt(_ANSI.sub("", output))
    if re.search(r"No space left on device|Disk quota exceeded", text):
        return DiskFull(f"{what} failed: there is no space left on the disk.", hint="Ask the admin to make room.")
    for pattern, answer in ROWS:
        if match := pattern.search(text):
            if answer in OF_THE_NETWORK and (refused or reach == NOTHING):
                return _unreached(what, reach, refused)
            if answer is no_network:
                return _unanswered(what, text, match)
            script = answer is python_module and not what.startswith("Building ")
            happened, hint = module_of_script(match) if script else answer(match)
            return BuildFailed(f"{what} failed: {happened}.", hint=hint)
    if refused:
        return _unreached(what, reach, refused)
    return _unknown(what, text, error)


def _unknown(what: str, text: str, error: BuildFailed) -> BuildFailed:
    """The lines that matter; where nothing looks like a cause, how it ended and what it said last, as just that."""
    if found := cause(text):
        return BuildFailed(f"{what} failed: {found}", hint=error.hint)
    ended, command = error.message.rstrip("."), traced(text)
    at = f" at the command `{short(command, 200)}`" if command else ""
    if "[end of output]" in text:
        return BuildFailed(f"{what} failed: {telling(text)}", hint=error.hint)
    last = last_lines(_ANSI.sub("", "\n".join(line for line in text.splitlines() if not line.startswith("+ "))))
    said = f" It does not say why; the last that it said is: {last}" if last else ""
    return BuildFailed(f"{ended}{at}.{said}", hint=error.hint)


def _unanswered(what: str, text: str, match: re.Match[str]) -> HubkilnError:
    """A host that builds may ask, and that cannot be asked now: that is not the repository's fault."""
    near = text[max(0, match.start() - 1000) : match.end() + 200]
    line = text[text.rfind("\n", 0, match.start()) + 1 : match.end() + 200].partition("\n")[0]
    if not (host := host_in(line) or host_in(near)):
        return Unreachable(f"{what} failed: it could not reach the network.", hint=no_network(match)[1])
    found = unanswered(host, line)
    return Unreachable(f"{what} failed. {found.message}", hint=found.hint)


def _unreached(what: str, reach: Reach, refused: Sequence[str]) -> BuildFailed:
    happened = f"builds may not reach {', '.join(refused[:3])} here" if refused else "it could not reach the network"
    if reach == NOTHING:
        hint = "The admin has switched the network off for builds; ask for it, or use packages with wheels."
    else:
        hint = f"The admin lets builds reach {reach}, by HTTP(S); ask them to allow more."
    return BuildFailed(f"{what} failed: {happened}.", hint=hint)
