"""A compiler's or a script's words turned into ours: what is missing, and which line to add where.

Pure. Each known failure is a row of a table, most telling first; of an unknown one the last lines that matter are
shown. Limits (time, memory, disk) are noticed by whoever runs the step and arrive here as errors already.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from hubkiln.composer.debian_names import LIBRARIES, TOOLS, of_header
from hubkiln.composer.step_reach import EVERYTHING, NOTHING, Reach
from hubkiln.errors import BuildFailed, DiskFull, HubkilnError

_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_NOISE = re.compile(
    r"^\s*$|^\[?notice|WARNING: |DEPRECATION"
    r"|^\s*(?:× |╰─>|\[\d+ lines of output\]|\[end of output\]|note: |hint: |See above)"
)
_SUMMARY = re.compile(r"ERROR: Failed (?:building|to build)|error: (?:subprocess-|metadata-|legacy-)")
_TOOL = "|".join(re.escape(name) for name in sorted(TOOLS, key=len, reverse=True))

Words = tuple[str, str]
"""What happened, as the end of a sentence that begins with what was done; and what to do."""
Answer = Callable[[re.Match[str]], Words]


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
    text = _ANSI.sub("", output)
    if re.search(r"No space left on device|Disk quota exceeded", text):
        return DiskFull(f"{what} failed: there is no space left on the disk.", hint="Ask the admin to make room.")
    for pattern, answer in _ROWS:
        if match := pattern.search(text):
            if answer in _OF_THE_NETWORK and (refused or not reach.everything):
                return _unreached(what, reach, refused)
            happened, hint = answer(match)
            return BuildFailed(f"{what} failed: {happened}.", hint=hint)
    if refused:
        return _unreached(what, reach, refused)
    last = last_lines(text)
    return BuildFailed(f"{what} failed: {last}" if last else error.message, hint=error.hint)


def _unreached(what: str, reach: Reach, refused: Sequence[str]) -> BuildFailed:
    happened = f"builds may not reach {', '.join(refused[:3])} here" if refused else "it could not reach the network"
    if reach == NOTHING:
        hint = "The admin has switched the network off for builds; ask for it, or use packages with wheels."
    else:
        hint = f"The admin lets builds reach {reach}, by HTTP(S); ask them to allow more."
    return BuildFailed(f"{what} failed: {happened}.", hint=hint)


def last_lines(text: str, count: int = 3) -> str:
    """The last lines of `text` that say something, joined."""
    lines = [line.strip() for line in text.splitlines() if not _NOISE.search(line)]
    wanted = [line for line in lines if not _SUMMARY.match(line)]
    return " ".join((wanted or lines)[-count:])[-600:]


def _add(package: str) -> str:
    return f"Add {package} to apt.txt."


def _header(match: re.Match[str]) -> Words:
    header = match["header"]
    package = of_header(header)
    hint = _add(package) if package else f"Find the Debian package that has {header}, and add it to apt.txt."
    return f"the header {header} is missing", hint


def _library(match: re.Match[str]) -> Words:
    name = match["library"]
    package = LIBRARIES.get(name, f"lib{name.lower()}-dev, or whatever package has lib{name}.so,")
    return f"the library lib{name} is missing", _add(package)


def _tool(match: re.Match[str]) -> Words:
    name = match["tool"].rpartition("/")[2]
    return f"it needs the program {name}, which is not there", _add(TOOLS.get(name, f"the package that has {name}"))


def _compiler(match: re.Match[str]) -> Words:
    return "it needs a C compiler, and there is none", _add("build-essential")


def _rust(match: re.Match[str]) -> Words:
    return "it needs a Rust compiler, and there is none", _add("rustc and cargo")


def _fortran(match: re.Match[str]) -> Words:
    return "it needs a Fortran compiler, and there is none", _add("gfortran")


def _pkg_config(match: re.Match[str]) -> Words:
    name = match["module"]
    return (
        f"pkg-config knows no {name}",
        f"Add the package with {name}.pc to apt.txt; it is often called lib{name.removeprefix('lib')}-dev.",
    )


def _python_module(match: re.Match[str]) -> Words:
    name = match["module"].partition(".")[0]
    if name == "distutils":
        return "it needs distutils, which Python 3.12 and later no longer have", "Ask for Python 3.11 in runtime.txt."
    if name == "pkg_resources":
        return (
            "it needs pkg_resources, which today's setuptools no longer has",
            "Choose a newer version of the package, or one with a wheel.",
        )
    return (
        f"its build script imports {name} without asking for it",
        f"Choose a version that has a wheel, or install it in postBuild after {name}.",
    )


def _python_version(match: re.Match[str]) -> Words:
    return (
        f"it does not support this Python ({match['need'].strip()})",
        "Ask for another Python in runtime.txt, or another version of the package.",
    )


def _removed_api(match: re.Match[str]) -> Words:
    return (
        f"its code uses {match['name']}, which this Python no longer has",
        "Choose a newer version of the package, or an older Python in runtime.txt.",
    )


def _use_2to3(match: re.Match[str]) -> Words:
    return "it was written for Python 2", "Choose a newer version of the package."


def _out_of_memory(match: re.Match[str]) -> Words:
    return "it ran out of memory", "Use a package with a wheel, or ask the administrator for a higher limit."


def _processes(match: re.Match[str]) -> Words:
    return "it started more processes than builds may have", "Do less at once, or ask the administrator."


def _no_network(match: re.Match[str]) -> Words:
    return "it could not reach the network", "Try again; if it stays so, ask the admin what builds may reach."


def _build_requirement(match: re.Match[str]) -> Words:
    return (
        f"what its build needs, {match['name'].strip()}, is not in the package index",
        "Choose a version that has a wheel, or tell the package's authors.",
    )


def _not_a_package(match: re.Match[str]) -> Words:
    return "there is no setup.py or pyproject.toml in it", "Check the folder's name, or leave the line out."


def _two_packages(match: re.Match[str]) -> Words:
    return (
        "setuptools found several folders that could be the package, and does not guess",
        "Name the packages in pyproject.toml under [tool.setuptools].",
    )


def _syntax(match: re.Match[str]) -> Words:
    return f"{match['what']} has a mistake in it", "Correct the file; the log says on which line."


def _scm_version(match: re.Match[str]) -> Words:
    return (
        "its version is to come from git's history, which a shallow fetch does not have",
        "Write the version into pyproject.toml, or give the release's tag.",
    )


def _no_debian_package(match: re.Match[str]) -> Words:
    return f"there is no Debian package named {match['name'].rstrip('.')}", "Correct its name in apt.txt, or remove it."


def _conda(match: re.Match[str]) -> Words:
    return "there is no conda in environments that are made here", "List conda packages in environment.yml instead."


def _root(match: re.Match[str]) -> Words:
    return "it asks to be root, which it is not", "List Debian packages in apt.txt; nothing else needs root."


def _needs(tool: str) -> Answer:
    return lambda match: (f"it needs the program {tool}, which is not there", _add(TOOLS[tool]))


def _toml(match: re.Match[str]) -> Words:
    return "pyproject.toml has a mistake in it", "Correct the file; the log says where."


_CATALOGUE: tuple[tuple[tuple[str, ...], Answer], ...] = (
    ((r"E: (?:Unable to locate package|Package) '?(?P<name>[a-z0-9][\w.+-]+)'?(?: has no|\s*$)",), _no_debian_package),
    ((r"(?:^|[\s:/'])(?:conda|mamba|micromamba): (?:command )?not found",), _conda),
    ((r"(?:^|[\s:/'])(?:sudo|su): (?:command )?not found", r"[Aa]re you root\?"), _root),
    ((r"fatal error: '?(?P<header>[\w./+-]+)'?(?:: No such file| file not found)",), _header),
    ((r"cannot find -l(?P<library>[\w.+-]+)",), _library),
    ((r"pg_config executable not found", r"pg_config is required"), _needs("pg_config")),
    ((r"Can not find valid pkg-config name", r"mysql_config:? not found"), _needs("mysql_config")),
    ((r"gdal-config(?:'|: not found)",), _needs("gdal-config")),
    (
        (
            r"(?:Package|No package) '?(?P<module>[\w.+-]+)'?(?:, required by '[^']*',)? "
            r"(?:was not found in the pkg-config|not found|found\n)",
        ),
        _pkg_config,
    ),
    (
        (
            r"can't find Rust compiler",
            r"Rust toolchain",
            r"[Cc]argo, the Rust package manager, is not installed",
            r"error: rustc .*not found",
        ),
        _rust,
    ),
    (
        (r"Unknown compiler\(s\): \[\['gfortran'", r"[Nn]o Fortran compiler found", r"Could NOT find .*Fortran"),
        _fortran,
    ),
    (
        (
            r"Unknown compiler\(s\): \[\['cc'",
            r"No CMAKE_C(?:XX)?_COMPILER could be found",
            r"[Nn]o (?:working |acceptable )?C compiler",
            r"C compiler cannot",
        ),
        _compiler,
    ),
    (
        (r"Unable to find CMake", r"Problem with the CMake installation", r"CMake must be installed"),
        _needs("cmake"),
    ),
    ((rf"(?:command|unable to execute) '?(?P<tool>(?:/\S*/)?(?:{_TOOL}))'?(?: failed)?: No such file",), _tool),
    ((rf"No such file or directory: '(?P<tool>(?:/\S*/)?(?:{_TOOL}))'",), _tool),
    ((rf"(?:^|[\s:/'])(?P<tool>{_TOOL}): (?:command )?not found",), _tool),
    ((r"use_2to3 is invalid", r"SyntaxError: Missing parentheses in call to 'print'"), _use_2to3),
    ((r"requires a different Python: (?P<need>[^\n]+)",), _python_version),
    (
        (
            r"(?P<need>[Pp]ython version >= ?[\d.]+ required[^\n]*"
            r"|[Cc]annot install on Python version [\d.]+[^\n]*"
            r"|requires Python [<>=!~ ]*[\d.]+[^\n]*)",
        ),
        _python_version,
    ),
    (
        (
            r"(?P<name>PyUnicode_AS_UNICODE|tp_print|PyEval_CallObject|ob_digit|cframe|longintrepr\.h"
            r"|(?:inspect\.)?getargspec|SafeConfigParser|pkgutil\.ImpImporter)\b",
        ),
        _removed_api,
    ),
    ((r"setuptools.scm was unable to detect version", r"vcs_versioning.*unable"), _scm_version),
    (
        (r"Killed signal terminated program", r"virtual memory exhausted", r"out of memory", r"MemoryError"),
        _out_of_memory,
    ),
    (
        (
            r"Temporary failure (?:in name resolution|resolving)",
            r"Network is unreachable",
            r"NewConnectionError|NameResolutionError",
            r"Could not resolve host",
            r"Name or service not known",
            r"Connection refused",
            r"Could not connect to",
            r"(?:Tunnel connection failed|CONNECT tunnel failed|Proxy Error).{0,20}\b(?:403|502)",
            r"Received HTTP code \d+ from proxy",
        ),
        _no_network,
    ),
    (
        (
            r"fork: (?:retry: )?Resource temporarily unavailable",
            r"[Cc]annot fork|can't start new thread|fork failed",
            r"BlockingIOError: \[Errno 11\]",
        ),
        _processes,
    ),
    ((r"No matching distribution found for (?P<name>[^\n]+)",), _build_requirement),
    ((r"ModuleNotFoundError: No module named '(?P<module>[\w.]+)'",), _python_module),
    (
        (r"does not appear to be a Python project", r"Neither 'setup\.py' nor 'pyproject\.toml' found"),
        _not_a_package,
    ),
    ((r"Multiple top-level (?:packages|modules) discovered",), _two_packages),
    ((r"TOMLDecodeError", r"invalid pyproject\.toml", r"pyproject\.toml.* not valid"), _toml),
    (
        (
            r"File \"(?:[^\"\n]*/)?(?P<what>setup\.py)\"[^\n]*\n"
            r"(?:[^\n]*\n){1,4}\s*(?:Syntax|Indentation|Tab)Error",
        ),
        _syntax,
    ),
)
_OF_THE_NETWORK = (_no_network, _build_requirement)
"""What may come of a host that was refused."""

_ROWS = tuple((re.compile("|".join(patterns), re.MULTILINE), answer) for patterns, answer in _CATALOGUE)
