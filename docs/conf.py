"""
The documentation as a site: ``make docs``, or ``sphinx-build -W -c docs . .site``.

The site's source is the whole repository, so that a link in a page means the same on a forge and on the site, and the
README is its first page. Only pages are read; what else a page links to (code, a chart) is copied beside it.
"""

from __future__ import annotations

import re
from pathlib import Path

from sphinx.application import Sphinx

ROOT = Path(__file__).parents[1]
VERSION = re.search(r'"(.+)"', (ROOT / "src/hubkiln/__init__.py").read_text())

project = "Hubkiln"
copyright = "the Hubkiln contributors"
release = VERSION.group(1) if VERSION else ""
root_doc = "README"
html_theme = "furo"
html_title = "Hubkiln"
extensions = ["myst_parser"]
myst_heading_anchors = 4
nitpicky = True

include_patterns = ["*.md", "docs/**.md", "benchmarks/**.md", "examples/**.md", "images/**.md", "tests/examples/*.md"]
exclude_patterns = ["**/node_modules", ".*", "dist", "build", "src", "ui"]

SECTIONS = {
    "Tutorials": "docs/tutorials",
    "How-to": "docs/how-to",
    "Reference": "docs/reference",
    "Explanation": "docs/explanation",
    "Decisions": "docs/decisions",
}
"""The folders of pages, in the order in which the side of each page lists them."""

LAST = {
    "More": ["docs/glossary", "docs/critiques", "CONTRIBUTING", "SECURITY", "CHANGELOG"],
    "Examples": ["examples/README", "tests/examples/README", "images/base/README"],
    "Benchmarks": [
        "benchmarks/README",
        *sorted(f"benchmarks/results/{path.stem}" for path in ROOT.glob("benchmarks/results/*.md")),
    ],
}


def contents() -> str:
    """What the side of each page lists: every page that there is, so that none can be forgotten."""
    sections = {
        name: sorted(f"{folder}/{path.stem}" for path in (ROOT / folder).glob("*.md"))
        for name, folder in SECTIONS.items()
    }
    listed = sections | {
        name: [page for page in pages if (ROOT / f"{page}.md").exists()] for name, pages in LAST.items()
    }
    return "\n".join(
        f"\n```{{toctree}}\n:hidden:\n:caption: {name}\n\n" + "\n".join(f"/{page}" for page in pages) + "\n```"
        for name, pages in listed.items()
    )


def prepare(app: Sphinx, page: str, source: list[str]) -> None:
    """Give the first page its list of contents, and diagrams as text where nothing draws them."""
    if page == root_doc:
        source[0] += contents()
    source[0] = source[0].replace("```mermaid", "```text").replace("```console", "```text")


def finish(app: Sphinx, error: Exception | None) -> None:
    """A folder is opened at ``index.html``."""
    (Path(app.outdir) / "index.html").write_text(f'<meta http-equiv="refresh" content="0; url={root_doc}.html">')


def setup(app: Sphinx) -> None:
    """Sphinx calls this."""
    app.connect("env-get-outdated", lambda *about: [root_doc])  # what it lists may have changed
    app.connect("source-read", prepare)
    app.connect("build-finished", finish)
