"""Lines of Python that people paste where packages are asked for: what they import, and from which package it comes.

Pure.
"""

from __future__ import annotations

import ast
import re
import sys

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
    try:
        lines = ast.parse(text).body
    except (SyntaxError, ValueError):
        return None
    named: list[str] = []
    for line in lines:
        if isinstance(line, ast.Import):
            named += [alias.name for alias in line.names]
        elif isinstance(line, ast.ImportFrom) and not line.level:
            named.append(line.module or "")
        else:
            return None
    modules = dict.fromkeys(name.partition(".")[0] for name in named)
    return list(dict.fromkeys(_OTHERWISE.get(name, name) for name in modules if name not in sys.stdlib_module_names))
