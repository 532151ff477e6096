"""What old packages expect of Python, setuptools and numpy, and today's no longer have. Pure."""

from __future__ import annotations

import re

Words = tuple[str, str]
"""What happened, as the end of a sentence; and what to do."""

REMOVED = {
    **dict.fromkeys(("formatter", "parser", "symbol"), 10),
    "binhex": 11,
    **dict.fromkeys(("asynchat", "asyncore", "distutils", "imp", "smtpd"), 12),
    **dict.fromkeys(
        (
            "aifc", "audioop", "cgi", "cgitb", "chunk", "crypt", "imghdr", "lib2to3", "mailcap", "nntplib", "pipes",
            "sndhdr", "telnetlib", "uu", "xdrlib",
        ),
        13,
    ),
}  # fmt: skip
"""Modules, and the minor version of Python 3 that was the first without them."""

PYTHON_2 = frozenset(
    (
        "ConfigParser", "Queue", "SocketServer", "StringIO", "Tkinter", "UserDict", "__builtin__", "cPickle",
        "cStringIO", "commands", "cookielib", "exceptions", "httplib", "thread", "urllib2", "urlparse", "xmlrpclib",
    )
)  # fmt: skip
"""Modules that only Python 2 had under these names."""

OF_SETUPTOOLS = ("pkg_resources", "setuptools.command.test", "setuptools.command.upload", "setuptools.extern")
"""Parts that setuptools has had."""

_LEFT = {
    "pkg_resources": 82,
    "setuptools.package_index": 80,
    "setuptools.sandbox": 80,
    "setuptools.command.upload": 75,
    "setuptools.command.upload_docs": 75,
    "distutils.msvccompiler": 74,
    "distutils.msvc9compiler": 74,
    "setuptools.extern": 71,
    "pkg_resources.extern": 71,
    "setuptools.dep_util": 70,
}
"""Modules, and a version of setuptools before which all have them."""

_BYGONE = (
    (re.compile(r"No module named '(?P<module>[\w.]+)'"), 0),
    (re.compile(r"cannot import name '\w+' from 'setuptools\.command\.test'"), 72),
    (re.compile(r"use_2to3 is invalid"), 58),
    (re.compile(r"cannot import name 'Feature' from 'setuptools'"), 46),
)
"""What a build says, and the version of setuptools that was the first with which it says so."""

_RUNS_UP_TO = {58: 11, 46: 11}
"""The newest Python 3 in which a setuptools before these runs."""

OF_NOTEBOOK = ("notebook.nbextensions", "notebook.serverextensions", "notebook.extensions", "notebook.notebookapp")
"""Parts that Jupyter's Notebook had up to version 6."""

CUDA = ("it needs CUDA's compiler and headers", "Choose a version that has a wheel for this Python and CUDA.")

_NUMPY = re.compile(r"numpy/(?:noprefix|oldnumeric|old_defines|npy_3kcompat|numpyconfig_old)\.h")
_PYTHONS_OWN = re.compile(
    r"(?:longintrepr|node|graminit|grammar|parsetok|token|errcode|eval|symtable|Python-ast|code|pyarena|bitset)\.h"
)
_OF_PACKAGES = ("pybind11", "torch", "tensorflow", "eigenpy", "cupy")


def python_of(text: str) -> int | None:
    """The minor version of Python 3 that `text`, a build's output, is about; None where it does not show."""
    found = re.search(r"(?:python3\.|cpython-3|\bcp3|[Pp]ython 3\.)(\d{1,2})\b", text)
    return int(found[1]) if found else None


def older_setuptools(text: str, minor: str, limit: str = "") -> str | None:
    """
    A limit to setuptools (``setuptools<82``) with which a build may do that failed with `text`, for Python `minor`.

    None where there is none, or none below the `limit` with which it failed.
    """
    end, python = "\n".join(text.splitlines()[-_END:]), int(minor.partition(".")[2])
    found = set[int]()
    for pattern, version in _BYGONE:
        for match in pattern.finditer(end):
            found.add(version or _left(match["module"]))
    found -= {version for version in found if python > _RUNS_UP_TO.get(version, python)}
    had = int(limit.partition("<")[2] or 1000)
    lowest = min((version for version in found if 0 < version < had), default=None)
    return None if lowest is None else f"setuptools<{lowest}"


def _left(module: str) -> int:
    """The version of setuptools that has no `module`; 0 if it never had, or still has."""
    while module and module not in _LEFT:
        module = module.rpartition(".")[0]
    return _LEFT.get(module, 0)


_END = 60
"""Lines of a build's output in which it says why it failed."""


def without_notebook(what: str) -> Words:
    """`what` was a part or a command of an older Notebook."""
    return (
        f"`{what}` went with Notebook 6, and this is a newer one",
        "Remove the line: what comes from PyPI is switched on already. Or ask for notebook<7 in requirements.txt.",
    )


def missing_module(module: str, minor: int | None, *, own: bool = False) -> Words:
    """A build script of a package, the repository's `own` or another, for Python 3.`minor` lacks `module`."""
    name = module.partition(".")[0]
    since = REMOVED.get(name)
    if name in PYTHON_2:
        return "it was written for Python 2", "Choose a newer version of it, or ask for Python 2.7 in runtime.txt."
    if since is not None and (minor is None or minor >= since):
        return (
            f"it needs {name}, which Python 3.{since} and later no longer have",
            f"Choose a newer version of the package, or ask for Python 3.{since - 1} in runtime.txt.",
        )
    if module.startswith(OF_NOTEBOOK):
        return without_notebook(module)
    if own and name == "pkg_resources":
        return (
            "it needs pkg_resources, which setuptools has had up to version 81",
            'Write `requires = ["setuptools<82"]` under [build-system] in the pyproject.toml beside its setup.py.',
        )
    if since is not None or module.startswith(OF_SETUPTOOLS):
        return (
            f"it needs {module}, which today's setuptools no longer has",
            "Choose a newer version of the package, or one with a wheel.",
        )
    if module.startswith("numpy.distutils"):
        return (
            "it is built with numpy.distutils, which numpy no longer has for this Python",
            "Choose a newer version of the package, or one with a wheel for this Python.",
        )
    return (
        f"its build script imports {name} without asking for it",
        f"Choose a version that has a wheel, or install it in postBuild after {name}.",
    )


def of_other_version(header: str) -> Words | None:
    """What a missing `header` means that no Debian package brings: it is Python's or a Python package's own."""
    newer = "Choose a newer version of the package, or one with a wheel for this Python."
    if _NUMPY.fullmatch(header):
        return f"its code is for an older numpy: today's has no {header}", newer
    if header.startswith("numpy/"):
        return "its build needs numpy's headers without asking for numpy", newer
    if _PYTHONS_OWN.fullmatch(header):
        return (
            f"its code is for an older Python: this one has no {header}",
            f"{newer[:-1]}; or ask for an older one.",
        )
    if (package := header.partition("/")[0]) in _OF_PACKAGES:
        return (
            f"its build needs {package} without asking for it",
            f"Choose a version that has a wheel, or install it in postBuild after {package}.",
        )
    if re.match(r"cu(?:da|blas|dnn|fft|rand|solver|sparse)", header):
        return CUDA
    return None
