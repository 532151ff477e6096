"""What compilers, pip and build scripts print, told as what is missing and what to add where."""

from __future__ import annotations

import pytest

from hubkiln.composer.steps.explain.explain import explain_build
from hubkiln.composer.steps.explain.lines import last_lines, telling
from hubkiln.egress.allowed import NOTHING
from hubkiln.errors import BuildFailed, DiskFull, TooLarge, Unreachable

FAILED = BuildFailed("Building x 1.0 from source ended with exit code 1.", hint="The last lines of the log say why.")

PIP_FRAME = """\
  error: subprocess-exited-with-error

  × Building wheel for {name} (pyproject.toml) did not run successfully.
  │ exit code: 1
  ╰─> [12 lines of output]
{output}
      [end of output]

  note: This error originates from a subprocess, and is likely not a problem with pip.
  ERROR: Failed building wheel for {name}
ERROR: Failed to build one or more wheels
"""


def framed(output: str, name: str = "x") -> str:
    """`output` as pip shows what a build backend printed."""
    lines = "".join(f"      {line}\n" for line in output.strip("\n").split("\n"))
    return PIP_FRAME.format(name=name, output=lines.rstrip("\n"))


CASES = [
    (
        "gcc -pthread -fPIC -I/usr/include/python3.11 -c psycopg/psycopgmodule.c -o build/psycopgmodule.o\n"
        "In file included from psycopg/psycopgmodule.c:28:\n"
        "./psycopg/psycopg.h:36:10: fatal error: libpq-fe.h: No such file or directory\n"
        "   36 | #include <libpq-fe.h>\n      |          ^~~~~~~~~~~~\ncompilation terminated.\n"
        "error: command '/usr/bin/gcc' failed with exit code 1",
        "the header libpq-fe.h is missing",
        "Add libpq-dev to apt.txt.",
    ),
    (
        "src/_yaml.c:6:10: fatal error: Python.h: No such file or directory",
        "the header Python.h is missing",
        "Add python3-dev to apt.txt.",
    ),
    (
        "build/temp.linux-x86_64-cpython-311/_openssl.c:575:10: fatal error: openssl/opensslv.h: No such "
        "file or directory",
        "openssl/opensslv.h is missing",
        "Add libssl-dev to apt.txt.",
    ),
    (
        "c/_cffi_backend.c:15:10: fatal error: ffi.h: No such file or directory",
        "ffi.h is missing",
        "Add libffi-dev",
    ),
    (
        "src/lxml/etree.c:289:10: fatal error: libxml/xpath.h: No such file or directory",
        "libxml/xpath.h is missing",
        "Add libxml2-dev",
    ),
    (
        "fatal error: 'boost/python.hpp' file not found",
        "boost/python.hpp is missing",
        "Add libboost-all-dev",
    ),
    (
        "widget.c:1:10: fatal error: kilnmaster/core.h: No such file or directory",
        "kilnmaster/core.h is missing",
        "Find the Debian package that has kilnmaster/core.h",
    ),
    (
        "/usr/bin/ld: cannot find -lopenblas: No such file or directory\ncollect2: error: ld returned 1 exit status",
        "the library libopenblas is missing",
        "Add libopenblas-dev",
    ),
    (
        "/usr/bin/ld: cannot find -lkiln\ncollect2: error: ld returned 1 exit status",
        "the library libkiln is missing",
        "whatever package has libkiln.so",
    ),
    (
        "Error: pg_config executable not found.\n\npg_config is required to build psycopg2 from source.",
        "needs the program pg_config",
        "Add libpq-dev",
    ),
    (
        "/bin/sh: 1: mysql_config: not found\n/bin/sh: 1: mariadb_config: not found\n"
        "Exception: Can not find valid pkg-config name.\nSpecify MYSQLCLIENT_CFLAGS and MYSQLCLIENT_LDFLAGS env vars",
        "needs the program mysql_config",
        "Add default-libmysqlclient-dev",
    ),
    (
        "A GDAL API version must be specified. Provide a path to gdal-config using a GDAL_CONFIG environment variable\n"
        "FileNotFoundError: [Errno 2] No such file or directory: 'gdal-config'",
        "needs the program gdal-config",
        "Add libgdal-dev",
    ),
    (
        "error: command 'gcc' failed: No such file or directory",
        "needs the program gcc",
        "Add build-essential",
    ),
    (
        "unable to execute 'x86_64-linux-gnu-gcc': No such file or directory\n"
        "error: command 'x86_64-linux-gnu-gcc' failed: No such file or directory",
        "needs the program x86_64-linux-gnu-gcc",
        "Add build-essential",
    ),
    (
        "../../meson.build:1:0: ERROR: Unknown compiler(s): [['cc'], ['gcc'], ['clang'], ['nvc'], ['pgcc'], ['icc']]\n"
        'The following exception(s) were encountered:\nRunning `cc --version` gave "[Errno 2] No such '
        "file or directory: 'cc'\"",
        "needs a C compiler",
        "Add build-essential",
    ),
    (
        "../scipy/meson.build:98:0: ERROR: Unknown compiler(s): [['gfortran'], ['flang-new'], ['flang'], "
        "['nvfortran']]",
        "needs a Fortran compiler",
        "Add gfortran",
    ),
    (
        "error: can't find Rust compiler\n\nIf you are using an outdated pip version, it is possible a "
        "prebuilt wheel is "
        "available for this package but pip is not able to install from it.",
        "needs a Rust compiler",
        "Add rustc and cargo",
    ),
    (
        "Cargo, the Rust package manager, is not installed or is not on PATH.\n"
        "This package requires Rust and Cargo to compile extensions. Install it through\nthe system's package manager",
        "needs a Rust compiler",
        "Add rustc and cargo",
    ),
    (
        "CMake must be installed to build dlib\n-- No CMAKE_CXX_COMPILER could be found.",
        "needs a C compiler",
        "Add build-essential",
    ),
    (
        "RuntimeError: CMake must be installed to build the following extensions: dlib",
        "needs the program cmake",
        "Add cmake",
    ),
    (
        "/bin/sh: 1: swig: not found\nerror: command '/usr/bin/swig' failed with exit code 127",
        "needs the program swig",
        "Add swig",
    ),
    (
        "./postBuild: line 7: npm: command not found",
        "needs the program npm",
        "Add npm",
    ),
    (
        "Package cairo was not found in the pkg-config search path.\nPerhaps you should add the directory containing "
        "`cairo.pc'\nto the PKG_CONFIG_PATH environment variable\nPackage 'cairo', required by "
        "'virtual:world', not found",
        "pkg-config knows no cairo",
        "libcairo-dev",
    ),
    (
        'Traceback (most recent call last):\n  File "<string>", line 3, in <module>\n'
        "ModuleNotFoundError: No module named 'numpy'",
        "its build script imports numpy without asking for it",
        "postBuild after numpy",
    ),
    (
        '  File "/tmp/pip-build-env-x/overlay/lib/python3.12/site-packages/setuptools/x.py", line 1\n'
        "ModuleNotFoundError: No module named 'distutils'",
        "needs distutils",
        "Python 3.11",
    ),
    (
        "    import pkg_resources\nModuleNotFoundError: No module named 'pkg_resources'",
        "pkg_resources",
        "newer version",
    ),
    (
        "ERROR: Package 'kiln' requires a different Python: 3.11.2 not in '>=3.12'",
        "does not support this Python (3.11.2 not in '>=3.12')",
        "runtime.txt",
    ),
    (
        "RuntimeError: Cannot install on Python version 3.12.1; only versions >=3.7,<3.11 are supported.",
        "does not support this Python",
        "runtime.txt",
    ),
    (
        "Current Python version (3.9.18) is not allowed by the project (>=3.10, <3.12).\n"
        'Please change python executable via the "env use" command.',
        "does not support this Python (Current Python version (3.9.18) is not allowed by the project (>=3.10, <3.12))",
        "runtime.txt",
    ),
    (
        "error in kiln setup command: use_2to3 is invalid.",
        "was written for Python 2",
        "newer version",
    ),
    (
        "src/module.c:99:5: error: implicit declaration of function 'PyUnicode_AS_UNICODE'",
        "uses PyUnicode_AS_UNICODE",
        "older Python",
    ),
    (
        "x86_64-linux-gnu-g++: fatal error: Killed signal terminated program cc1plus\ncompilation terminated.",
        "ran out of memory",
        "higher limit",
    ),
    (
        "ERROR: Could not find a version that satisfies the requirement numpy==1.13.3 (from versions: 1.14.5, 2.1.0)\n"
        "ERROR: No matching distribution found for numpy==1.13.3",
        "what its build needs, numpy==1.13.3, is not in the package index",
        "a wheel",
    ),
    (
        "ERROR: Directory '/srv/repo/docs' is not installable. Neither 'setup.py' nor 'pyproject.toml' found.",
        "no setup.py or pyproject.toml",
        "folder's name",
    ),
    (
        "error: Multiple top-level packages discovered in a flat-layout: ['data', 'figures'].",
        "several folders that could be the package",
        "[tool.setuptools]",
    ),
    (
        "LookupError: setuptools-scm was unable to detect version for /srv/repo.\n\nMake sure you're "
        "either building from a "
        "fully intact git repository or PyPI tarballs.",
        "version is to come from git's history",
        "pyproject.toml",
    ),
    (
        "Reading state information...\nE: Unable to locate package libkiln-dev",
        "no Debian package named libkiln-dev",
        "apt.txt",
    ),
    (
        "E: Package 'libkiln2' has no installation candidate",
        "no Debian package named libkiln2",
        "apt.txt",
    ),
    (
        "./postBuild: line 3: conda: command not found",
        "there is no conda",
        "environment.yml",
    ),
    (
        "ValueError: Please install Node.js and npm before continuing installation. You may be able to install Node.js "
        "from your package manager, from conda, or directly from the Node.js website (https://nodejs.org).",
        "needs Node.js",
        "requirements.txt",
    ),
    (
        "UserWarning: RuntimeError: npm dependencies failed to install\n  warnings.warn(msg[-1].strip())",
        "needs Node.js",
        "ready-built",
    ),
    (
        "E: Could not open lock file /var/lib/dpkg/lock-frontend - open (13: Permission denied)\n"
        "E: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), are you root?",
        "asks to be root",
        "apt.txt",
    ),
    (
        'Traceback (most recent call last):\n  File "/srv/repo/setup.py", line 4\n    name="x"\n         ^^^\n'
        "SyntaxError: invalid syntax. Perhaps you forgot a comma?",
        "setup.py has a mistake in it",
        "Correct the file",
    ),
]


@pytest.mark.parametrize(("output", "happened", "hint"), CASES, ids=[case[1][:40] for case in CASES])
@pytest.mark.parametrize("frame", [framed, str], ids=["pip", "bare"])
def test_known_failures_are_explained(output: str, happened: str, hint: str, frame: object) -> None:
    """Whether pip tells of them or a script prints them itself."""
    error = explain_build(frame(output), "Building x 1.0 from source", FAILED)  # type: ignore[operator]
    assert isinstance(error, BuildFailed)
    assert error.message.startswith("Building x 1.0 from source failed: ")
    assert happened in error.message
    assert hint in error.hint


@pytest.mark.parametrize(
    ("output", "happened"),
    [
        ("", "it imports nothere, which is not installed"),
        ("  Getting requirements to build wheel: from build_meta\n", "its build script imports nothere"),
    ],
)
def test_what_a_script_imports_is_no_packages_build(output: str, happened: str) -> None:
    """``python -c "import nothere"`` needs a package; only one that is built there needs another."""
    said = f"{output}Traceback (most recent call last):\nModuleNotFoundError: No module named 'nothere.io'"
    assert happened in explain_build(said, "postBuild", FAILED).message  # type: ignore[attr-defined]
    assert "Python 2" in explain_build(said.replace("nothere.io", "urllib2"), "postBuild", FAILED).message  # type: ignore[attr-defined]


def test_a_full_disk_is_the_services_turn() -> None:
    """Trying again may help, so it is another kind of error."""
    output = framed("OSError: [Errno 28] No space left on device: 'build/lib'")
    assert isinstance(explain_build(output, "`postBuild`", FAILED), DiskFull)


def test_limits_stay_what_they_are() -> None:
    """Whoever enforced a limit knows better than the output."""
    for error in (TooLarge("`postBuild` wrote more than 1 MiB."), BuildFailed("`postBuild` took longer than 3 s.")):
        assert explain_build("fatal error: ffi.h: No such file or directory", "`postBuild`", error) is error


def test_the_networks_absence_is_the_admins() -> None:
    """Where it is switched off, trying again is no advice."""
    error = explain_build("curl: (6) Could not resolve host: example.org", "`postBuild`", FAILED, reach=NOTHING)
    assert "switched the network off" in error.hint


def test_unknown_failures_show_the_lines_that_matter() -> None:
    """Without pip's frame, and not too many of them."""
    error = explain_build(framed("one\ntwo\nthree\nThe kiln is cold."), "`postBuild`", FAILED)
    assert "The kiln is cold." in error.message
    assert "end of output" not in error.message
    assert "Failed building wheel" not in error.message
    assert len(explain_build("x" * 10_000, "`postBuild`", FAILED).message) < 700
    assert explain_build("", "`postBuild`", FAILED).message == FAILED.message


def test_colours_are_no_obstacle() -> None:
    """Compilers colour their words."""
    output = "\x1b[01m\x1b[Kx.c:1:10:\x1b[m \x1b[01;31m\x1b[Kfatal error: \x1b[m\x1b[Kzlib.h: No such file or directory"
    assert "zlib1g-dev" in explain_build(output, "x", FAILED).hint


def test_last_lines_skip_empty_ones() -> None:
    """The end of a log is often blank."""
    assert last_lines("first\n\nlast\n\n\n") == "first last"


TRACEBACK = """\
Traceback (most recent call last):
  File "/tmp/pip-build-env/overlay/site-packages/setuptools/build_meta.py", line 317, in run_setup
    exec(code, locals())  # noqa: S102 # exec is intentional here
    ^^^^^^^^^^^^^^^^^^^^
  File "<string>", line 5, in <module>
  File "<string>", line 4, in version
{last}
"""


@pytest.mark.parametrize(
    ("last", "said", "hint"),
    [
        (
            "FileNotFoundError: [Errno 2] No such file or directory: 'VERSION'",
            "its setup.py reads VERSION, which is not there.",
            "MANIFEST.in",
        ),
        ("KeyError: 'CUDA_HOME'", "its setup.py wants the variable CUDA_HOME, which is not set.", "instructions"),
        (
            '    raise InvalidVersion(f"Invalid version: {version!r}")\n'
            "packaging.version.InvalidVersion: Invalid version: 'next week'",
            "its version 'next week' is not one that a Python package may have.",
            "1.2.3",
        ),
        (
            "ValueError: invalid pyproject.toml config: `project`.\n"
            "configuration error: `project` must contain ['version'] properties",
            "pyproject.toml has a mistake in it: `project` must contain ['version'] properties.",
            "Correct the file.",
        ),
        (
            "hatchling.X: Unable to determine which files to ship inside the wheel using the following heuristics: y",
            "hatchling found no folder with the project's name.",
            "[tool.hatch.build.targets.wheel]",
        ),
        ("AssertionError: only on Windows", "AssertionError: only on Windows", "log"),
        ("some.module.OddError: first\nsecond", "OddError: first second", "log"),
    ],
)
def test_a_traceback_is_told_by_its_end(last: str, said: str, hint: str) -> None:
    """No frame of it, no line of code: what went wrong, and what to do where that is known."""
    error = explain_build(framed(TRACEBACK.format(last=last)), "Building x 1.0 from source", FAILED)
    assert error.message == f"Building x 1.0 from source failed: {said}"
    assert hint in error.hint


@pytest.mark.parametrize(
    ("output", "said"),
    [
        (
            "building 'a' extension\ngcc -c a.c -o a.o\na.c: In function 'f':\n"
            "a.c:2:21: error: 'thing' undeclared (first use in this function)\n    2 | int f(void) { return thing; }\n"
            "      |                      ^~~~~\na.c:9:1: error: more of the same\n"
            "error: Command '['gcc', '-c', 'a.c']' returned non-zero exit status 1.",
            "its code does not compile (a.c:2: 'thing' undeclared (first use in this function)).",
        ),
        (
            "cc1: fatal error: nothere.c: No such file or directory\ncompilation terminated.",
            "the source lacks its own file nothere.c.",
        ),
        (
            "running egg_info\nwriting manifest file 'SOURCES.txt'\nerror: package directory 'src' does not exist",
            "there is no folder or module for the package src.",
        ),
        (
            "running egg_info\nThis package needs CUDA 11 to build",
            "running egg_info This package needs CUDA 11 to build",
        ),
        ("writing x\nerror: no kiln to burn in\n", "error: no kiln to burn in"),
    ],
)
def test_a_build_is_told_by_its_first_mistake(output: str, said: str) -> None:
    """Not by the command line of the compiler, nor by what was written before."""
    error = explain_build(framed(output), "Building x 1.0 from source", FAILED)
    assert error.message == f"Building x 1.0 from source failed: {said}"


def test_a_missing_backend_is_named() -> None:
    """pip says it without a frame."""
    output = (
        "  error: backend-unavailable\n  \n  × Cannot import build backend 'nosuch.backend'.\n"
        "  ╰─> ModuleNotFoundError: No module named 'nosuch'\n"
    )
    error = explain_build(output, "x", FAILED)
    assert error.message == "x failed: its build backend nosuch.backend cannot be imported."


def test_a_traceback_long_ago_is_not_the_cause() -> None:
    """A script that goes on after one fails for another reason."""
    later = "\n".join(f"line {number}" for number in range(20))
    assert telling(TRACEBACK.format(last="ValueError: old") + later) == "line 17 line 18 line 19"
    assert telling(TRACEBACK.format(last="ValueError: new") + "make: *** [all] Error 1\n") == "ValueError: new"


@pytest.mark.parametrize(
    ("output", "says"),
    [
        (
            "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError('<HTTPSConnection>: "
            "Failed to establish a new connection: [Errno 101] Network is unreachable')': /simple/setuptools/\n"
            "ERROR: No matching distribution found for setuptools>=40.8.0",
            "could not reach the network",
        ),
        ("curl: (6) Could not resolve host: data.example.org", "The host data.example.org cannot be looked up"),
        (
            "fatal: unable to access 'https://git.example.org/x/': Failed to connect: Connection refused",
            "git.example.org refuses the connection",
        ),
        (
            "Err:1 http://deb.debian.org/debian bookworm\n  Temporary failure resolving 'deb.debian.org'",
            "deb.debian.org",
        ),
        (
            "requests.exceptions.ConnectionError: HTTPSConnectionPool(host='zenodo.org', port=443): Max retries "
            "exceeded (Caused by NewConnectionError('Connection refused'))",
            "The host zenodo.org refuses the connection",
        ),
    ],
)
def test_a_host_that_does_not_answer_is_nobodys_fault_here(output: str, says: str) -> None:
    """A step that could not reach what it may reach failed for now: it says which host, and can be tried again."""
    error = explain_build(output, "`postBuild`", FAILED)
    assert type(error) is Unreachable
    assert says in error.message and error.hint.startswith("Try again")


def failed(code: int) -> BuildFailed:
    """What whoever ran `postBuild` says of its end."""
    return BuildFailed(f"`postBuild` ended with exit code {code}.", hint="The last lines of the log say why.")


@pytest.mark.parametrize(
    ("output", "code", "says"),
    [
        ("before\n", 3, "`postBuild` ended with exit code 3. It does not say why; the last that it said is: before"),
        ("one\n+ true\n+ test -f data.csv\n", 1, "exit code 1 at the command `test -f data.csv`. It does not say why;"),
        (
            "before\n/srv/repo/postBuild: line 5: ./install.sh: Permission denied\n",
            126,
            "failed: postBuild, line 5: ./install.sh: Permission denied",
        ),
        ("sh: 1: exec: /srv/repo/postBuild: not found\n", 127, "that the first line of `postBuild` names is not there"),
        ("x\n./postBuild: 3: quarto: not found\n", 127, "failed: line 3 of postBuild calls quarto, which is not there"),
        (
            "npm ERR! code E404\nnpm ERR! 404 Not Found - GET https://registry.npmjs.org/no-such\nnpm ERR! 404 \n"
            "npm ERR! 404  'no-such@*' is not in this registry.\nnpm ERR! 404 \n"
            "npm ERR! A complete log of this run can be found in: /home/jovyan/.npm/_logs/2026-debug-0.log\n",
            1,
            "failed: npm's registry has no package no-such",
        ),
        (
            "npm error code ELIFECYCLE\nnpm error errno 2\nnpm error x@1.0.0 build: `tsc`\nnpm error Exit status 2\n"
            "npm notice New major version of npm available!\n"
            "npm error A complete log of this run can be found in: /home/jovyan/.npm/_logs/2026-debug-0.log\n",
            2,
            "failed: x@1.0.0 build: `tsc` Exit status 2",
        ),
        (
            "Usage:\n  pip install [options] <archive url/path> ...\n\nno such option: --no-use-pep517\n",
            2,
            "failed: no such option: --no-use-pep517",
        ),
        ("usage: jupytext [-h]\njupytext: error: unrecognized arguments: --x\n", 2, "failed: jupytext: error: unrec"),
        (
            "ls: unrecognized option '--x'\nTry 'ls --help' for more information.\n",
            2,
            "failed: ls: unrecognized option",
        ),
        ("cp: cannot stat 'a.csv': No such file or directory\n", 1, "failed: cp: cannot stat 'a.csv': No such file"),
        ("env: 'zsh': No such file or directory\n", 127, "failed: env: 'zsh': No such file or directory"),
        ("gzip: a.gz: not in gzip format\ntar: Child returned status 1\n", 2, "failed: gzip: a.gz: not in gzip format"),
        ("curl: (22) The requested URL returned error: 404\n", 22, "failed: curl: (22) The requested URL"),
        ("got 404 Not Found\n2026-11-30 03:03:03 ERROR 404: Not Found.\n", 8, "ERROR 404: Not Found"),
        ("make: *** No rule to make target 'install'.  Stop.\n", 2, "failed: make: *** No rule to make target"),
        ("An error occured.\nValueError: The extension x does not yet support it.\n", 1, "failed: ValueError: The ext"),
        ("OSError: [E050] Can't find model 'en'.\n", 1, "failed: OSError: [E050] Can't find model"),
        ("Segmentation fault (core dumped)\n", 139, "failed: Segmentation fault"),
        (
            "rm: cannot remove 'x': No such file or directory\none\ntwo\nthree\n",
            3,
            "It does not say why; the last that it said is: one two three",
        ),
        (
            "Error in library(nosuch) : there is no package called 'nosuch'\nExecution halted\n",
            1,
            "failed: Error in library(nosuch) : there is no package called 'nosuch'",
        ),
    ],
)
def test_the_cause_is_told_and_not_the_last_line(output: str, code: int, says: str) -> None:
    """How it ended, the command where the shell tells it, and the lines that matter."""
    assert says in explain_build(output, "`postBuild`", failed(code)).message


@pytest.mark.parametrize(
    ("output", "says", "hint"),
    [
        ("a.c:3:10: fatal error: numpy/noprefix.h: No such file or directory", "an older numpy", "newer version"),
        ("a.c:3:10: fatal error: numpy/arrayobject.h: No such file or directory", "numpy's headers", "newer version"),
        ("a.c:3:10: fatal error: longintrepr.h: No such file or directory", "older Python", "older one"),
        ("a.c:3:10: fatal error: pybind11/pybind11.h: No such file or directory", "needs pybind11", "postBuild"),
        (
            "/usr/lib/python3.11/x.py\nModuleNotFoundError: No module named 'distutils.msvccompiler'",
            "distutils.msvccompiler, which today's setuptools no longer has",
            "newer version",
        ),
        (
            "/usr/lib/python3.12/x.py\nModuleNotFoundError: No module named 'distutils'",
            "distutils, which Python 3.12 and later no longer have",
            "Python 3.11",
        ),
        (
            "/usr/lib/python3.13/x.py\nModuleNotFoundError: No module named 'cgi'",
            "Python 3.13 and later",
            "Python 3.12",
        ),
        ("ModuleNotFoundError: No module named 'ConfigParser'", "written for Python 2", "newer version"),
    ],
)
def test_old_packages_get_the_truth(output: str, says: str, hint: str) -> None:
    """No Debian package has numpy's old headers, and nobody who has Python 3.11 is told to ask for it."""
    error = explain_build(framed(output), "Building x 1.0 from source", FAILED)
    assert says in error.message and hint in error.hint
    assert "Debian" not in error.hint


@pytest.mark.parametrize(
    ("command", "happened", "hint"),
    [
        ("nbextension", "`jupyter nbextension` went with Notebook 6", "Remove the line"),
        ("serverextension", "`jupyter serverextension` went with Notebook 6", "notebook<7"),
        ("book", "there is no `jupyter book`", "Add the package that has it"),
    ],
)
def test_a_command_of_jupyters_that_is_not_there(command: str, happened: str, hint: str) -> None:
    """Where the script ended with it; what it went on without is not the cause."""
    last = f"Available subcommands: lab notebook\n\nJupyter command `jupyter-{command}` not found.\n"
    error = explain_build(last, "`postBuild`", FAILED)
    assert happened in error.message and hint in error.hint
    assert "jupyter" not in explain_build(f"{last}sh: 3: gfortran: not found\n", "`postBuild`", FAILED).message


CONFIGURING = """\
*** scikit-build-core 1.1.2 using CMake 3.25.1 (wheel)
*** Configuring CMake...
-- The C compiler identification is GNU 12.2.0
-- Could NOT find BLAS (missing: BLAS_LIBRARIES)
-- Could NOT find MPI_Fortran (missing: MPI_Fortran_WORKS)
{error}
-- Configuring incomplete, errors occurred!
See also "/tmp/tmpx/build/CMakeFiles/CMakeOutput.log".

*** CMake configuration failed
"""
NO_CONFIG = """\
CMake Error at CMakeLists.txt:3 (find_package):
  By not providing "FindSUNDIALS.cmake" in CMAKE_MODULE_PATH this project has
  asked CMake to find a package configuration file provided by "SUNDIALS",
  but CMake did not find one.

  Could not find a package configuration file provided by "SUNDIALS" with any
  of the following names:

    SUNDIALSConfig.cmake
    sundials-config.cmake
"""
NO_HDF5 = """\
CMake Error at /usr/share/cmake-3.25/Modules/FindPackageHandleStandardArgs.cmake:230 (message):
  Could NOT find HDF5 (missing: HDF5_LIBRARIES HDF5_INCLUDE_DIRS C) (found
  version "")
Call Stack (most recent call first):
  CMakeLists.txt:4 (find_package)

"""
FATAL = """\
CMake Error at cmake/eigen.cmake:7 (message):
  Eigen is to be unpacked into extern/, see
  the manual.

"""
NO_COMPILER = """\
CMake Error at CMakeLists.txt:2 (project):
  No CMAKE_CXX_COMPILER could be found.

  Tell CMake where to find the compiler by setting either the environment
  variable "CXX" or the CMake cache entry CMAKE_CXX_COMPILER to the full path
  to the compiler, or to the compiler name if it is in the PATH.
"""
NO_PROGRAM = (
    'CMake Error: CMake was unable to find a build program corresponding to "Ninja".  CMAKE_MAKE_PROGRAM is not set.  '
    "You probably need to select a different build tool."
)
TOO_NEW = """\
CMake Error at CMakeLists.txt:1 (cmake_minimum_required):
  Compatibility with CMake < 3.5 has been removed from CMake.

"""


@pytest.mark.parametrize(
    ("error", "says", "hint"),
    [
        (NO_CONFIG, "CMake finds no SUNDIALS.", "Add libsundials-dev to apt.txt."),
        (NO_CONFIG.replace("SUNDIALS", "pybind11"), "CMake finds no pybind11.", "[build-system]"),
        (NO_CONFIG.replace("SUNDIALS", "Kiln"), "CMake finds no Kiln.", "Find the Debian package that has Kiln"),
        (NO_HDF5, "CMake finds no HDF5.", "Add libhdf5-dev to apt.txt."),
        (FATAL, "cmake/eigen.cmake:7: Eigen is to be unpacked into extern/, see the manual.", "log"),
        (NO_COMPILER, "it needs a C compiler", "Add build-essential"),
        (NO_COMPILER.replace("CXX", "Fortran"), "it needs a Fortran compiler", "Add gfortran"),
        (NO_COMPILER.replace("CXX", "CUDA"), "it needs CUDA's compiler", "wheel"),
        (NO_PROGRAM, "it needs the program ninja", "Add ninja-build"),
        (TOO_NEW, "its CMakeLists.txt is for a CMake before 4", "cmake_minimum_required"),
    ],
)
@pytest.mark.parametrize("way", ["backend", "setup.py", "script"])
def test_cmakes_own_words_are_the_cause(error: str, says: str, hint: str, way: str) -> None:
    """Whoever calls it says only that it failed; and what it can do without, Fortran here, is no cause."""
    output = CONFIGURING.format(error=error)
    if way == "setup.py":
        output += TRACEBACK.format(last="subprocess.CalledProcessError: Command 'cmake' returned exit status 1.")
    told = explain_build(output if way == "script" else framed(output), "Building x 1.0 from source", FAILED)
    assert says in told.message and hint in told.hint


def test_what_cmake_said_long_ago_is_not_the_cause() -> None:
    """A script that went on without what it configures fails for another reason."""
    later = "\n".join(f"line {number}" for number in range(20))
    assert telling(CONFIGURING.format(error=FATAL) + later) == "line 17 line 18 line 19"


@pytest.mark.parametrize(
    ("line", "says", "hint"),
    [
        (
            '../meson.build:12:8: ERROR: Dependency "cairo" not found (tried pkg-config and cmake)',
            "pkg-config knows no cairo",
            "libcairo-dev",
        ),
        ("../meson.build:3:2: ERROR: Problem encountered: no kiln", "meson.build:3:2: ERROR: Problem", "log"),
    ],
)
def test_mesons_own_words_are_the_cause(line: str, says: str, hint: str) -> None:
    """After it comes where its log is."""
    output = f"The Meson build system\nVersion: 1.9.1\n{line}\n\nA full log can be found at /tmp/x/meson-log.txt"
    told = explain_build(framed(output), "Building x 1.0 from source", FAILED)
    assert says in told.message and hint in told.hint


GROUP = """\
  + Exception Group Traceback (most recent call last):
  |   File "/lib/pip/_vendor/pyproject_hooks/_in_process/_in_process.py", line 406, in <module>
  |     main()
  |   File "/lib/vendored/errors.py", line 105, in finalize
  |     raise ExceptionGroup(msg, self.errors)
  | ExceptionGroup: Failed to parse pyproject.toml (1 sub-exception)
  +-+---------------- 1 ----------------
{inner}
    +------------------------------------
"""


@pytest.mark.parametrize(
    "inner",
    [
        "    | kiln.errors.ConfigurationError: 'extern/*/LICENSE' did not match any",
        '    | Traceback (most recent call last):\n    |   File "a.py", line 3, in read\n    |     burn()\n'
        "    | ConfigurationError: 'extern/*/LICENSE' did not match any\n"
        "    +---------------- 2 ----------------\n    | ValueError: another",
    ],
)
def test_of_a_group_the_first_exception_is_told(inner: str) -> None:
    """Neither the group's frames nor its rules are read as a cause."""
    told = explain_build(framed(GROUP.format(inner=inner)), "It", FAILED)
    assert told.message == "It failed: ConfigurationError: 'extern/*/LICENSE' did not match any"


LEGACY = TRACEBACK.format(last="ModuleNotFoundError: No module named 'pkg_resources'")


@pytest.mark.parametrize(
    ("end", "hint"),
    [
        ("ERROR: Failed to build 'file:///srv/repo' when getting requirements to build wheel\n", "setuptools<82"),
        ("ERROR: Failed to build 'whisper' when getting requirements to build wheel\n", "newer version"),
    ],
)
def test_whoever_owns_a_setup_py_is_told_what_to_write(end: str, hint: str) -> None:
    """A package of somebody else's cannot be changed."""
    told = explain_build(framed(LEGACY) + end, "Building the repository's package `.` from source", FAILED)
    assert "it needs pkg_resources" in told.message and hint in told.hint


def test_what_a_script_went_on_without_is_not_the_cause() -> None:
    """A command's traceback at its beginning, and then one that cannot reach the network; at its end it is."""
    module = "ModuleNotFoundError: No module named 'notebook.nbextensions'"
    usage = "\n".join(f"  --option-{number}  does it" for number in range(30))
    long_ago = TRACEBACK.format(last=module) + usage
    told = explain_build(long_ago, "`postBuild`", FAILED, refused=["registry.example"])
    assert "builds may not reach registry.example" in told.message
    told = explain_build(TRACEBACK.format(last=module), "`postBuild`", FAILED)
    assert "`notebook.nbextensions` went with Notebook 6" in told.message and "notebook<7" in told.hint


def test_a_long_traceback_of_a_setup_py_is_read_to_its_end() -> None:
    """pbr's ends behind some sixty indented lines; its reader tried all ways to split their spaces, for hours."""
    names = ("run_setup", "setup", "dispatch", "finalize", "parse", "read", "warn", "build", "load", "main")
    frames = "".join(
        f'          File "/lib/setuptools/{name}.py", line 9\n            {name}(self)\n' for name in names
    )
    output = f"  exec(code, locals())  # intentional\n{frames}        error in setup command: Error parsing setup.cfg\n"
    assert "Error parsing" in explain_build(output, "It", BuildFailed("It ended with exit code 1.")).message
