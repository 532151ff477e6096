"""The pages about builds say what the code does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import cast

from fastapi.routing import APIRoute

from hubkiln.builds.diagram import renewed
from hubkiln.builds.events import Phase
from hubkiln.web import binderhub, builds, environments, health

PAGES = Path(__file__).parents[3] / "docs/reference"
LIFECYCLE = (PAGES / "build-lifecycle.md").read_text()
API = (PAGES / "api.md").read_text()


def test_the_diagram_is_current() -> None:
    """If not: python -m hubkiln.builds.diagram docs/reference/build-lifecycle.md."""
    assert renewed(LIFECYCLE) == LIFECYCLE


def test_every_phase_is_explained() -> None:
    """Each has its row."""
    for phase in Phase:
        assert f"\n| `{phase}` |" in LIFECYCLE


def test_every_event_is_explained() -> None:
    """Each kind that a stream can send has its row."""
    for kind in ("phase", "log", "queued", "resolved", "planned", "progress", "end"):
        assert f"\n| `{kind}` |" in LIFECYCLE


def test_every_route_is_in_the_reference() -> None:
    """Path and method of each."""
    for router in (builds.router, environments.router, health.router):
        for route in cast("list[APIRoute]", router.routes):
            for method in {*(route.methods or ())} - {"OPTIONS"}:  # browsers ask before they ask: said once for all
                shown = f"{'GET' if method == 'HEAD' else method} {route.path.lstrip('/')}"
                assert re.search(rf"`{re.escape(shown)}[?`]", API), shown
    for word in {*binderhub.WORDS.values(), "ready", "failed"}:
        assert f"`{word}`" in API
