"""The catalogue of known failures: what compilers, pip, apt and build backends print, most telling first."""

from __future__ import annotations

import re

from hubkiln.composer.steps.explain import answers as say
from hubkiln.composer.steps.explain.answers import Answer
from hubkiln.composer.steps.explain.debian_packages import TOOLS

_SETUP = r"exec\(code, locals\(\)\)[^\n]*\n(?:[ \t][^\n]*\n){1,9}?[ \t]*"
"""Where a traceback leaves setuptools and enters a setup.py, which has no name there."""
_NEAR_THE_END = r"(?=[^\n]*(?:\n[^\n]*){0,25}\Z)"
"""A script may go on without what one of its commands lacked."""
_CMAKE = r"CMake Error at [^\n]+:\n[ \t]*"
"""What it cannot go on without; `-- Could NOT find X` is said of what it can."""
_TOOL = "|".join(re.escape(name) for name in sorted(TOOLS, key=len, reverse=True))

_CATALOGUE: tuple[tuple[tuple[str, ...], Answer], ...] = (
    (
        (r"E: (?:Unable to locate package|Package) '?(?P<name>[a-z0-9][\w.+-]+)'?(?: has no|\s*$)",),
        say.no_debian_package,
    ),
    ((r"(?:^|[\s:/'])(?:conda|mamba|micromamba): (?:command )?not found",), say.conda),
    ((r"Jupyter command `jupyter-(?P<name>[\w-]+)` not found\.\s*\Z",), say.jupyter_command),
    ((r"Please install Node\.js", r"npm dependencies failed to install"), say.lab_build),
    ((r"(?:^|[\s:/'])(?:sudo|su): (?:command )?not found", r"[Aa]re you root\?"), say.root),
    ((r"cc1\w*: fatal error: (?P<file>[\w./+-]+): No such file",), say.own_file),
    ((r"fatal error: '?(?P<header>[\w./+-]+)'?(?:: No such file| file not found)",), say.header),
    ((r"cannot find -l(?P<library>[\w.+-]+)",), say.library),
    ((r"pg_config executable not found", r"pg_config is required"), say.needs("pg_config")),
    ((r"Can not find valid pkg-config name", r"mysql_config:? not found"), say.needs("mysql_config")),
    ((r"gdal-config(?:'|: not found)",), say.needs("gdal-config")),
    (
        (
            r"(?:Package|No package) '?(?P<module>[\w.+-]+)'?(?:, required by '[^']*',)? "
            r"(?:was not found in the pkg-config|not found|found\n)",
        ),
        say.pkg_config,
    ),
    ((r"ERROR: Dependency [\"'](?P<module>[\w.+-]+)[\"'] (?:is required but )?not found",), say.pkg_config),
    (
        (
            r"can't find Rust compiler",
            r"Rust toolchain",
            r"[Cc]argo, the Rust package manager, is not installed",
            r"error: rustc .*not found",
        ),
        say.rust,
    ),
    (
        (
            r"Unknown compiler\(s\): \[\['gfortran'",
            r"[Nn]o Fortran compiler found",
            r"(?<!-- )Could NOT find .*Fortran",
            r"No CMAKE_Fortran_COMPILER could be found",
        ),
        say.fortran,
    ),
    (
        (
            r"Unknown compiler\(s\): \[\['cc'",
            r"No CMAKE_C(?:XX)?_COMPILER could be found",
            r"[Nn]o (?:working |acceptable )?C compiler",
            r"C compiler cannot",
        ),
        say.compiler,
    ),
    ((r"No CMAKE_CUDA_COMPILER could be found", r"Failed to find nvcc"), say.cuda),
    ((r"unable to find a build program corresponding to \"(?P<generator>[^\"\n]+)\"",), say.build_program),
    ((r"Compatibility with CMake < 3\.5 has been removed",), say.old_cmake),
    (
        (
            rf"{_CMAKE}Could NOT find (?P<package>[\w.+-]+)",
            rf"{_CMAKE}(?:[^\n]*\n){{0,5}}?[ \t]*Could not find a package configuration file provided by\s+"
            r"\"(?P<meant>[\w.+-]+)\"",
        ),
        say.cmakes_package,
    ),
    (
        (r"Unable to find CMake", r"Problem with the CMake installation", r"CMake must be installed"),
        say.needs("cmake"),
    ),
    ((rf"(?:command|unable to execute) '?(?P<tool>(?:/\S*/)?(?:{_TOOL}))'?(?: failed)?: No such file",), say.tool),
    ((rf"No such file or directory: '(?P<tool>(?:/\S*/)?(?:{_TOOL}))'",), say.tool),
    ((rf"(?:^|[\s:/'])(?P<tool>{_TOOL}): (?:command )?not found",), say.tool),
    ((r"npm (?:ERR!|error) 404 +'(?P<name>@?[^'@\n]+)@[^'\n]*' is not in (?:this|the npm) registry",), say.not_npms),
    ((r"use_2to3 is invalid", r"SyntaxError: Missing parentheses in call to 'print'"), say.use_2to3),
    ((r"requires a different Python: (?P<need>[^\n]+)",), say.python_version),
    (
        (
            r"(?P<need>[Pp]ython version >= ?[\d.]+ required[^\n]*"
            r"|[Cc]annot install on Python version [\d.]+[^\n]*"
            r"|Current Python version \([\d.]+\) is not allowed by the project \([^)\n]*\)"
            r"|requires Python [<>=!~ ]*[\d.]+[^\n]*)",
        ),
        say.python_version,
    ),
    (
        (
            r"(?P<name>PyUnicode_AS_UNICODE|tp_print|PyEval_CallObject|ob_digit|cframe|longintrepr\.h"
            r"|(?:inspect\.)?getargspec|SafeConfigParser|pkgutil\.ImpImporter)\b",
        ),
        say.removed_api,
    ),
    ((r"setuptools.scm was unable to detect version", r"vcs_versioning.*unable"), say.scm_version),
    (
        (r"Killed signal terminated program", r"virtual memory exhausted", r"out of memory", r"MemoryError"),
        say.out_of_memory,
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
            r"getaddrinfo (?:ENOTFOUND|EAI_AGAIN)|connect (?:ECONNREFUSED|ETIMEDOUT|ENETUNREACH)",
            r"(?:Tunnel connection failed|CONNECT tunnel failed|Proxy Error).{0,20}\b(?:403|502)",
            r"Received HTTP code \d+ from proxy",
        ),
        say.no_network,
    ),
    (
        (
            r"fork: (?:retry: )?Resource temporarily unavailable",
            r"[Cc]annot fork|can't start new thread|fork failed",
            r"BlockingIOError: \[Errno 11\]",
        ),
        say.processes,
    ),
    ((r"No matching distribution found for (?P<name>[^\n]+)",), say.build_requirement),
    (
        (r"Cannot import build backend '(?P<name>[^'\n]+)'", r"BackendUnavailable: [^\n]*'(?P<other>[^'\n]+)'"),
        say.no_backend,
    ),
    ((rf"ModuleNotFoundError: No module named '(?P<module>[\w.]+)'{_NEAR_THE_END}",), say.python_module),
    (
        (r"does not appear to be a Python project", r"Neither 'setup\.py' nor 'pyproject\.toml' found"),
        say.not_a_package,
    ),
    ((r"Multiple top-level (?:packages|modules) discovered",), say.two_packages),
    (
        (
            r"configuration error: (?P<why>[^\n]+)",
            r"TOMLDecodeError: (?P<at>[^\n]+)",
        ),
        say.toml_line,
    ),
    ((r"TOMLDecodeError", r"invalid pyproject\.toml", r"pyproject\.toml.* not valid"), say.toml),
    ((r"InvalidVersion: Invalid version: (?P<version>'[^'\n]*')",), say.invalid_version),
    ((r"error: package directory '(?P<name>[^'\n]+)' does not exist",), say.no_folder),
    ((r"No file/folder found for package (?P<name>\S+)",), say.no_folder),
    ((r"Unable to determine which files to ship inside the wheel",), say.hatch),
    ((rf"{_SETUP}FileNotFoundError: [^\n]*: '(?P<file>[^'\n]+)'",), say.reads),
    ((rf"{_SETUP}KeyError: '(?P<name>[A-Z][A-Z0-9_]+)'",), say.needs_variable),
    (
        (
            r"File \"(?:[^\"\n]*/)?(?P<what>setup\.py)\"[^\n]*\n"
            r"(?:[^\n]*\n){1,4}\s*(?:Syntax|Indentation|Tab)Error",
        ),
        say.syntax,
    ),
    (
        (
            r"^(?:\S*/)?(?P<script>[\w.-]+): (?:line )?(?P<line>\d+): (?P<tool>[\w.+-]+): (?:command )?not found"
            r"(?=\n?(?:[^\n]*\n?){0,2}\Z)",
        ),
        say.absent_program,
    ),
    ((r"exec: \S*/(?P<script>postBuild|start): not found",), say.interpreter),
    ((r"^\s*(?P<where>[^\s:]+\.\w+:\d+)(?::\d+)?: error: (?P<why>[^\n]+)",), say.compiles_not),
)
ROWS = tuple((re.compile("|".join(patterns), re.MULTILINE), answer) for patterns, answer in _CATALOGUE)

OF_THE_NETWORK = (say.no_network, say.build_requirement)
"""What may come of a host that was refused."""
