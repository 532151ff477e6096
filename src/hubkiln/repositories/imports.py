"""Lines of Python that people paste where packages are asked for: what they import, and from which package it comes.

Pure.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable

_OTHERWISE = {
    "Bio": "biopython",
    "Crypto": "pycryptodome",
    "IPython": "ipython",
    "PIL": "pillow",
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python-headless",
    "dateutil": "python-dateutil",
    "dotenv": "python-dotenv",
    "fitz": "pymupdf",
    "git": "gitpython",
    "jwt": "pyjwt",
    "mpl_toolkits": "matplotlib",
    "pkg_resources": "setuptools",
    "psycopg2": "psycopg2-binary",
    "pylab": "matplotlib",
    "serial": "pyserial",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "umap": "umap-learn",
    "usb": "pyusb",
    "wx": "wxpython",
    "yaml": "pyyaml",
    "zmq": "pyzmq",
}
"""Packages that are not called as what is imported from them."""

_BEGINS = re.compile(r"(import|from)\s+[A-Za-z_]")


def packages(text: str) -> list[str] | None:
    """The packages that lines of Python import, Python's own left out; None where `text` is no such lines."""
    if not _BEGINS.match(text):
        return None
    for lines in (text, _apart(text)):
        try:
            read = ast.parse(lines).body
        except (SyntaxError, ValueError):
            continue
        imported = [line for line in read if isinstance(line, ast.Import | ast.ImportFrom)]
        return _packages(imported) if imported == read else None
    return None


def _apart(text: str) -> str:
    """`text` with a line for each import, where lines have become one."""
    words: list[str] = []
    within = False  # `from x`, whose own `import` is still to come
    for word in text.split():
        begins = word == "from" or (word == "import" and not within)
        within = word == "from" or (within and word != "import")
        words.append(f"\n{word}" if begins else word)
    return " ".join(words).replace(" \n", "\n").strip()


def _packages(lines: Iterable[ast.Import | ast.ImportFrom]) -> list[str]:
    named: list[str] = []
    for line in lines:
        if isinstance(line, ast.Import):
            named += [alias.name for alias in line.names]
        elif not line.level:
            named.append(line.module or "")
    modules = dict.fromkeys(name.partition(".")[0] for name in named)
    return list(dict.fromkeys(_OTHERWISE.get(name, name) for name in modules if name not in sys.stdlib_module_names))


def of_code(text: str) -> list[str]:
    """Those of several lines of code, whatever else it does; none where it is no code."""
    plain = "\n".join(line for line in text.splitlines() if not re.match(r"\s*[%!?]", line))
    try:
        lines = list(ast.walk(ast.parse(plain)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    return _packages(line for line in lines if isinstance(line, ast.Import | ast.ImportFrom))
