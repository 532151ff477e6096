"""Whose turn it is when something went wrong."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from hubkiln import errors
from hubkiln.errors import BuildFailed, DiskFull, EngineMissing, HubkilnError, NotReady

SOURCE = Path(errors.__file__).parent
OF_MACHINE = re.compile(
    r"hubkiln (doctor|base|gc)|hubkiln\[|\bapt install|^Run: |--base-image|data folder|^Install (?!.*in it)|HUBKILN_"
)
"""What only who runs the machine can do."""
NOT_MET = ("cli", "up", "chart", "testing", "database", "storage.py", "git_snapshot.py", "tracing.py", "identity.py")
"""Whose words no user of a hub meets: of commands and folders of one's own machine, and of how a service begins."""


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (EngineMissing("No.", hint="Install it."), "An admin's turn: Install it."),
        (NotReady("No.", hint="An admin has to set it."), "An admin has to set it."),
        (DiskFull(), ""),
        (BuildFailed("No.", hint="Write less."), "Write less."),
    ],
)
def test_advice_about_the_machine_is_an_admins_turn(error: HubkilnError, advice: str) -> None:
    """Users of a hub are told so; whoever runs a command is told what to do."""
    assert error.advice == advice and error.for_users == f"{error.message} {advice}".strip()


def hints() -> list[tuple[str, str]]:
    """Of errors that are not of the machine: where each is, and what it says, with x for what varies."""
    found = []
    for path in SOURCE.rglob("*.py"):
        where = path.relative_to(SOURCE)
        if {where.parts[0], where.name} & set(NOT_MET):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            kind = getattr(errors, getattr(getattr(node, "func", None), "id", ""), None)
            if not isinstance(node, ast.Call) or not isinstance(kind, type) or getattr(kind, "of_machine", True):
                continue
            for value in (one.value for one in node.keywords if one.arg == "hint"):
                parts = value.values if isinstance(value, ast.JoinedStr) else [value]
                text = "".join(str(one.value) if isinstance(one, ast.Constant) else "x" for one in parts)
                found.append((f"{where}:{node.lineno}", text))
    return found


def test_no_user_of_a_hub_is_sent_to_a_machine_that_is_not_theirs() -> None:
    """What is to be done there is said as an admin's turn, or begins with what the user can do."""
    met = hints()
    assert len(met) > 300
    assert [one for one in met if OF_MACHINE.search(one[1]) and "admin" not in one[1].lower()] == []
