"""The page of all requests says what the service says of itself."""

from __future__ import annotations

from pathlib import Path

from hubkiln.testing.service import in_memory
from hubkiln.web.reference import OBJECTS, PAGE, document, objects, page


def test_the_page_is_current() -> None:
    """`python -m hubkiln.web.reference` writes it again, and what the front end's types are made of."""
    assert PAGE.read_text() == page(document())
    assert OBJECTS.read_text() == objects(document()), "then: cd ui && npm run wire"


async def test_it_describes_the_service_that_runs(tmp_path: Path) -> None:
    """Nothing is on the page alone, and nothing is missing there; every request says what it does."""
    async with in_memory(tmp_path) as service:
        told = (await service.ask("GET", "api/openapi.json")).json()
    prefix = "/services/binder"
    described = document()["paths"]
    assert {path.removeprefix(prefix) for path in told["paths"]} == set(described)
    assert all(about.get("description") for methods in described.values() for about in methods.values())
