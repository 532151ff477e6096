"""What to say of a failure that was recognised: what happened, and what to change.

Each takes what the pattern in :mod:`hubkiln.composer.steps.explain.patterns` matched. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from hubkiln.composer.steps.explain.bygone import CUDA, missing_module, of_other_version, python_of, without_notebook
from hubkiln.composer.steps.explain.debian_packages import LIBRARIES, PYTHONS, TOOLS, of_cmake, of_header
from hubkiln.values import REPO_DIR

Words = tuple[str, str]
"""What happened, as the end of a sentence that begins with what was done; and what to do."""
Answer = Callable[[re.Match[str]], Words]


def add(package: str) -> str:
    return f"Add {package} to apt.txt."


def header(match: re.Match[str]) -> Words:
    header = match["header"]
    if (words := of_other_version(header)) is not None:
        return words
    package = of_header(header)
    hint = add(package) if package else f"Find the Debian package that has {header}, and add it to apt.txt."
    return f"the header {header} is missing", hint


def library(match: re.Match[str]) -> Words:
    name = match["library"]
    hint = f"Add lib{name.lower()}-dev, or whatever package has lib{name}.so, to apt.txt."
    return f"the library lib{name} is missing", add(LIBRARIES[name]) if name in LIBRARIES else hint


def tool(match: re.Match[str]) -> Words:
    name = match["tool"].rpartition("/")[2]
    hint = add(TOOLS[name]) if name in TOOLS else f"Add the package that has {name} to apt.txt."
    return f"it needs the program {name}, which is not there", hint


def compiler(match: re.Match[str]) -> Words:
    return "it needs a C compiler, and there is none", add("build-essential")


def rust(match: re.Match[str]) -> Words:
    return "it needs a Rust compiler, and there is none", add("rustc and cargo")


def fortran(match: re.Match[str]) -> Words:
    return "it needs a Fortran compiler, and there is none", add("gfortran")


def cmakes_package(match: re.Match[str]) -> Words:
    name = match["package"] or match["meant"]
    if name in PYTHONS:
        return f"CMake finds no {name}", f"List {name} under requires of [build-system] in pyproject.toml."
    package = of_cmake(name)
    far = f"Find the Debian package that has {name} for CMake, and add it to apt.txt; or choose a version with a wheel."
    return f"CMake finds no {name}", add(package) if package else far


def build_program(match: re.Match[str]) -> Words:
    return needs("ninja" if "Ninja" in match["generator"] else "make")(match)


def cuda(match: re.Match[str]) -> Words:
    return CUDA


def old_cmake(match: re.Match[str]) -> Words:
    return (
        "its CMakeLists.txt is for a CMake before 4",
        "Choose a newer version of the package; for your own, raise cmake_minimum_required to 3.5 or newer.",
    )


def pkg_config(match: re.Match[str]) -> Words:
    name = match["module"]
    return (
        f"pkg-config knows no {name}",
        f"Add the package with {name}.pc to apt.txt; it is often called lib{name.removeprefix('lib')}-dev.",
    )


def python_module(match: re.Match[str]) -> Words:
    own = re.search(rf"(?:file://|Processing )/{REPO_DIR}\b", match.string) is not None
    return missing_module(match["module"], python_of(match.string), own=own)


_OF_A_BUILD = re.compile(
    r"setup\.py|pyproject_hooks|build_(?:wheel|editable|meta)|pip-build-env|egg[-_]info|build (?:backend|dependencies)"
)
"""What pip, uv and setuptools print around the words of a package's own build."""


def module_of_script(match: re.Match[str]) -> Words:
    """What :func:`python_module` says, where it was a script of the repository's that failed."""
    happened, hint = python_module(match)
    if _OF_A_BUILD.search(match.string) or not happened.startswith("its build script imports"):
        return happened, hint
    name = match["module"].partition(".")[0]
    return f"it imports {name}, which is not installed", f"Ask for the package that has {name}, in requirements.txt."


def python_version(match: re.Match[str]) -> Words:
    return (
        f"it does not support this Python ({match['need'].strip()})",
        "Ask for another Python in runtime.txt, or another version of the package.",
    )


def removed_api(match: re.Match[str]) -> Words:
    return (
        f"its code uses {match['name']}, which this Python no longer has",
        "Choose a newer version of the package, or an older Python in runtime.txt.",
    )


def use_2to3(match: re.Match[str]) -> Words:
    return "it was written for Python 2", "Choose a newer version of it, or ask for Python 2.7 in runtime.txt."


def out_of_memory(match: re.Match[str]) -> Words:
    return "it ran out of memory", "Use a package with a wheel, or ask the administrator for a higher limit."


def processes(match: re.Match[str]) -> Words:
    return "it started more processes than builds may have", "Do less at once, or ask the administrator."


def no_network(match: re.Match[str]) -> Words:
    return "it could not reach the network", "Try again; if it stays so, ask the admin what builds may reach."


def build_requirement(match: re.Match[str]) -> Words:
    return (
        f"what its build needs, {match['name'].strip()}, is not in the package index",
        "Choose a version that has a wheel, or tell the package's authors.",
    )


def not_a_package(match: re.Match[str]) -> Words:
    return "there is no setup.py or pyproject.toml in it", "Check the folder's name, or leave the line out."


def two_packages(match: re.Match[str]) -> Words:
    return (
        "setuptools found several folders that could be the package, and does not guess",
        "Name the packages in pyproject.toml under [tool.setuptools].",
    )


def not_npms(match: re.Match[str]) -> Words:
    return (
        f"npm's registry has no package {match['name']}",
        "Correct its name in package.json or the script.",
    )


def absent_program(match: re.Match[str]) -> Words:
    return (
        f"line {match['line']} of {match['script']} calls {match['tool']}, which is not there",
        f"Add the Debian package that has {match['tool']} to apt.txt, or the Python package to requirements.txt.",
    )


def syntax(match: re.Match[str]) -> Words:
    return f"{match['what']} has a mistake in it", "Correct the file; the log says on which line."


def scm_version(match: re.Match[str]) -> Words:
    return (
        "its version is to come from git's history, which has no tag for it behind this commit",
        "Write the version into pyproject.toml, tag the commit, or build from git instead of an archive or a copy.",
    )


def no_debian_package(match: re.Match[str]) -> Words:
    return f"there is no Debian package named {match['name'].rstrip('.')}", "Correct its name in apt.txt, or remove it."


def conda(match: re.Match[str]) -> Words:
    return "there is no conda in environments that are made here", "List conda packages in environment.yml instead."


def interpreter(match: re.Match[str]) -> Words:
    return (
        f"the program that the first line of `{match['script']}` names is not there",
        f"Begin `{match['script']}` with `#!/bin/bash`, or add the Debian package of that program to apt.txt.",
    )


def lab_build(match: re.Match[str]) -> Words:
    return (
        "JupyterLab's page was to be built anew, which needs Node.js and npm's packages",
        "Name the extension in requirements.txt: most come ready-built from PyPI. Else add nodejs and npm to apt.txt.",
    )


def jupyter_command(match: re.Match[str]) -> Words:
    name = match["name"]
    if name in ("nbextension", "serverextension", "contrib", "nbextensions_configurator"):
        return without_notebook(f"jupyter {name}")
    return f"there is no `jupyter {name}`", "Add the package that has it to requirements.txt, or remove the line."


def root(match: re.Match[str]) -> Words:
    return "it asks to be root, which it is not", "List Debian packages in apt.txt; nothing else needs root."


def needs(tool: str) -> Answer:
    return lambda match: (f"it needs the program {tool}, which is not there", add(TOOLS[tool]))


def toml(match: re.Match[str]) -> Words:
    return "pyproject.toml has a mistake in it", "Correct the file; the log says where."


def toml_line(match: re.Match[str]) -> Words:
    why = (match["why"] or match["at"]).partition(" (0 matches")[0].strip().rstrip(".:")
    return f"pyproject.toml has a mistake in it: {why}", "Correct the file."


def own_file(match: re.Match[str]) -> Words:
    return f"the source lacks its own file {match['file']}", "Choose another version of the package, or add the file."


def reads(match: re.Match[str]) -> Words:
    return (
        f"its setup.py reads {match['file']}, which is not there",
        "Choose another version of the package; for your own, add the file or its line in MANIFEST.in.",
    )


def needs_variable(match: re.Match[str]) -> Words:
    return (
        f"its setup.py wants the variable {match['name']}, which is not set",
        "Read the package's instructions for building it, or choose a version that has a wheel.",
    )


def no_folder(match: re.Match[str]) -> Words:
    return f"there is no folder or module for the package {match['name']}", "Correct the packages in its settings."


def invalid_version(match: re.Match[str]) -> Words:
    return (
        f"its version {match['version']} is not one that a Python package may have",
        "Choose a newer version of the package; for your own, write it like 1.2.3.",
    )


def no_backend(match: re.Match[str]) -> Words:
    name = match["name"] or match["other"]
    return (
        f"its build backend {name} cannot be imported",
        "Correct build-backend in pyproject.toml, or list what provides it under requires.",
    )


def hatch(match: re.Match[str]) -> Words:
    return (
        "hatchling found no folder with the project's name",
        "Name the folder under [tool.hatch.build.targets.wheel] packages in pyproject.toml.",
    )


def compiles_not(match: re.Match[str]) -> Words:
    return (
        f"its code does not compile ({match['where']}: {match['why'].strip()[:200]})",
        "Choose a version that has a wheel, or another Python in runtime.txt.",
    )
