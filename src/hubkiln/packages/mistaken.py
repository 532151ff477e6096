"""Names and versions that no package index will ever have for us: what they are instead, and what to do. Pure."""

from __future__ import annotations

import re
import sys
from collections.abc import Collection

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from hubkiln.conda_names import CONDA_ALONE, said_of

Words = tuple[str, str]
"""What happened, one sentence; and what to do."""

OF_WINDOWS = frozenset(
    (
        "comtypes", "pypiwin32", "pyreadline", "pywin32", "pywin32-ctypes", "pywinauto", "pywinpty",
        "tensorflow-directml", "tensorflow-intel", "win-unicode-console", "win10toast", "win32-setctime",
        "wincertstore", "windows-curses", "winkerberos", "winshell", "wmi", "xlwings",
    )
)  # fmt: skip
"""What is for Windows alone, or does nothing elsewhere; `pip freeze` writes it there."""

OF_MACOS = frozenset(("appscript", "tensorflow-macos", "tensorflow-metal"))
"""What is for macOS alone, beside all that begins with ``pyobjc``."""

_OTHERWISE = {
    "pkg-resources": (
        "`pkg-resources` is no package: `pip freeze` of older Debian and Ubuntu wrote it by mistake.",
        "Remove the line `pkg-resources==0.0.0`; setuptools has it.",
    ),
    "python": (
        "Python itself is no package of the index.",
        "Write the version into runtime.txt, such as `python-3.12`, and remove the line.",
    ),
    "tkinter": ("tkinter is part of Python, not a package.", "Remove the line, and add python3-tk to apt.txt."),
}
_CALLED = {
    "bs4": ("bs4", "beautifulsoup4"),
    "cv2": ("cv2", "opencv-python"),
    "opencv": ("opencv", "opencv-python"),
    "pil": ("PIL", "pillow"),
    "pytorch": ("pytorch", "torch"),
    "skimage": ("skimage", "scikit-image"),
    "sklearn": ("sklearn", "scikit-learn"),
    "yaml": ("yaml", "PyYAML"),
}
"""What is imported, or what the project is called; and the package."""
_WRITTEN = {"opencv-python": "opencv-python-headless", "PyYAML": "pyyaml"}
_STAND_INS = {"bs4": (("0.0.0", "0.0.1"), None), "sklearn": (("0.0",), "scikit-learn")}
"""Versions, as source alone, that build; what must be asked for beside them, because they do not bring it: today's
setuptools drops what sklearn 0.0 needs. `pip freeze` wrote the two together."""

_LOCAL = re.compile(r"={2,3}\s*(?P<public>[^+\s]+)\+(?P<local>[A-Za-z0-9._]+)")
_CUDA = re.compile(r"cu\d+|cpu|rocm[\d.]+|pt\d+cu\d+")


def of_name(name: str) -> Words | None:
    """What is wrong with asking for the package `name` here, if that is known."""
    plain = str(canonicalize_name(name))
    if (told := of_no_package(name)) is not None:
        return told
    if name.replace("-", "_").lower() in {module.lower() for module in sys.stdlib_module_names}:
        return f"{name} is part of Python, not a package.", "Remove it from the list; it is always there."
    if CONDA_ALONE.fullmatch(plain):
        return said_of(name)
    return of_other_system(plain)


def of_no_package(name: str) -> Words | None:
    """What is said of a `name` that is not the package's; an index may have a source there that builds nothing."""
    plain = str(canonicalize_name(name))
    if (called := _CALLED.get(plain)) is None:
        return _OTHERWISE.get(plain)
    wrong, right = called
    return f"The package is called {right}, not {wrong}.", f"Write `{_WRITTEN.get(right, right)}`."


def stands_in(asked: Requirement, beside: Collection[str]) -> bool:
    """Whether what is `asked` for builds, and the right package comes with it or is `beside` it."""
    versions, needed = _STAND_INS.get(str(canonicalize_name(asked.name)), ((), None))
    pinned = any(one.operator in ("==", "===") and one.version in versions for one in asked.specifier)
    return pinned and (needed is None or needed in beside)


def of_other_system(name: str) -> Words | None:
    """What is said of a package that is for another operating system."""
    plain = str(canonicalize_name(name))
    for system, marker, found in (
        ("Windows", "win32", plain in OF_WINDOWS),
        ("macOS", "darwin", plain in OF_MACOS or plain.startswith("pyobjc")),
    ):
        if found:
            return (
                f"{name} is for {system} alone, and this is Linux.",
                f'Remove it from the list, or write `{name} ; sys_platform == "{marker}"`.',
            )
    return None


def of_version(name: str, specifier: str) -> Words | None:
    """What is wrong with the versions of `name` that are asked for, if that is known."""
    if (found := _LOCAL.search(specifier)) is None:
        return None
    public, local = found["public"], found["local"]
    if _CUDA.fullmatch(local):
        return (
            f"{name} {public}+{local} is only in an index of its makers' own, not in this one.",
            f"Write `{name}=={public}`: the index's own build of it.",
        )
    return (
        f"{name} {public}+{local} was built by somebody for themselves (`+{local}`), and is in no public index.",
        f"Write `{name}=={public}`.",
    )
