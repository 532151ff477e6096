"""The other files of a recipe: each understood as repo2docker does, each mistake named."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubkiln.errors import RecipeError
from hubkiln.recipes import Kind, Recipe, read

Write = Callable[..., Path]
SHA = "cd" * 32


@pytest.mark.parametrize(
    ("text", "python"),
    [
        ("python-3.12", "3.12"),
        ("python-3", None),
        ("python-2", "2.7"),
        ("python-3.11.4\n", "3.11"),
        ("python-3.9-2024-01-01", "3.9"),
        ("python-2024-01-01", None),
    ],
)
def test_runtime_names_a_python(write: Write, text: str, python: str | None) -> None:
    """A version gives its minor one, a bare `3` the default; dates do not matter to Python."""
    recipe = read(write({"runtime.txt": text}))
    assert (recipe.kind, recipe.python) == (Kind.PYTHON, python)


@pytest.mark.parametrize(
    "text",
    ["", "python", "python-", "-3", "python-3.x", "python-;id", "python-3.11-2024-1-1", "a-b-c", "python-4", "3.11"],
)
def test_a_malformed_runtime_is_refused(write: Write, text: str) -> None:
    """Anything else names the file and shows how it should look."""
    with pytest.raises(RecipeError, match=r"runtime\.txt") as caught:
        read(write({"runtime.txt": text}))
    assert "python-3.12" in caught.value.hint


def test_an_environment_of_pip_alone_needs_no_conda(write: Write) -> None:
    """With nothing but Python and a `pip:` section, the wheel path is enough."""
    text = """
name: x
dependencies:
- python=3.11
- pip>=20
- pip:
  - numpy>=2  # fast
  - -r more.txt
"""
    recipe = read(write({"environment.yml": text, "more.txt": "scipy\n", "requirements.txt": "ignored\n"}))
    assert (recipe.kind, recipe.python, recipe.conda) == (Kind.CONDA, "3.11", ())
    assert recipe.requirements == ("numpy>=2", "scipy")
    assert any("`requirements.txt` is ignored" in warning for warning in recipe.warnings)


def test_conda_packages_keep_their_specs(write: Write) -> None:
    """Conda's own ways to write versions and channels are passed on; R gets its kernel; variables are set."""
    text = """
channels: [conda-forge, nodefaults]
dependencies: ['numpy =1.26', 'conda-forge::gdal>=3,<4', 'python>=3.9', r-base]
variables: {A: 1, B: x}
"""
    recipe = read(write({".binder/environment.yaml": text}))
    assert recipe.conda == ("numpy =1.26", "conda-forge::gdal>=3,<4", "r-base", "r-irkernel")
    assert recipe.channels == ("conda-forge", "nodefaults")
    assert (recipe.python, recipe.requires_python, recipe.env) == (None, ">=3.9", (("A", "1"), ("B", "x")))


@pytest.mark.parametrize(
    ("spec", "python"),
    [
        ("python=3.12", "3.12"),
        ("python==3.12.1", "3.12"),
        ("python = 3.12.*", "3.12"),
        ("python=3", None),
        ("python", None),
        ("python 3.12", "3.12"),
        ("conda-forge::python=3.12", "3.12"),
        ("python=", None),
        ("Python=3.12", "3.12"),
        ("PYTHON 3.12", "3.12"),
        ('python[version="3.12.*"]', "3.12"),
        ('python[version="=3.12", build="*_cpython"]', "3.12"),
        ("python=3.12=*_cpython", "3.12"),
        ("python 3.12 *_cpython", "3.12"),
        ("python 3.12*", "3.12"),
        ("python=3.*", None),
        ("python=*", None),
        ("conda-forge/linux-64::python 3.12", "3.12"),
        ("python[channel=conda-forge, version=3.12]", "3.12"),
        ('python[subdir=linux-64, version="3.12.*", build_number=">=1"]', "3.12"),
        ("python *", None),
        ("conda-forge :: python  3.12", "3.12"),
        ("python (3.12) *_cpython", "3.12"),
        ("python 3.12  # the old one", "3.12"),
    ],
)
def test_conda_names_a_python(write: Write, spec: str, python: str | None) -> None:
    """Only `python=X.Y` and its like choose a version."""
    assert read(write({"environment.yml": f"dependencies: ['{spec}']\n"})).python == python


@pytest.mark.parametrize(
    ("specs", "allowed"),
    [
        (['python[version=">=3.10"]'], ">=3.10"),
        (["python >=3.12 *_cpython"], ">=3.12"),
        (["Python >= 3.10, < 3.13"], "<3.13,>=3.10"),
        (["python>=3.10", "python<3.13"], "<3.13,>=3.10"),
        (["python>=3.10.*,!=3.11.*"], "!=3.11.*,>=3.10"),
        (["python 3.12,>=3.12.1"], "==3.12.*,>=3.12.1"),
        (["python~=3.11"], "~=3.11"),
        (["python (>= 3.10)"], ">=3.10"),
        (["python 3.11|3.12"], "<3.13,>=3.11"),
        (['python[version="3.9 | >=3.11, <3.13"]'], "!=3.10.*,<3.13,>=3.9"),
        (["python  ==3.8|==3.10"], "!=3.9.*,<3.11,>=3.8"),
    ],
)
def test_conda_limits_the_python(write: Write, specs: list[str], allowed: str) -> None:
    """Every comparison counts, wherever conda lets it stand."""
    lines = "".join(f"- '{spec}'\n" for spec in specs)
    recipe = read(write({"environment.yml": f"dependencies:\n{lines}"}))
    assert (recipe.python, recipe.requires_python, recipe.conda) == (None, allowed, ())


@pytest.mark.parametrize(
    "specs",
    [
        ["python=>3.12"],
        ["python=3.1*"],
        ["python=abc"],
        ["python 4|5"],
        ["python |3.12"],
        ["python >=3.11 <3.13"],
        ["python[version=]"],
        ["python[sha256=00]"],
        ["python=3.11", "python=3.12"],
        ["python=3.11", "python>=3.12"],
    ],
)
def test_a_python_that_is_not_understood_is_refused(write: Write, specs: list[str]) -> None:
    """Another one than was asked for is not chosen in silence."""
    lines = "".join(f"- '{spec}'\n" for spec in specs)
    with pytest.raises(RecipeError, match=r"`environment\.yml`.*Python"):
        read(write({"environment.yml": f"dependencies:\n{lines}"}))


@pytest.mark.parametrize(
    "spec",
    [
        "python=3.12.1",
        "python=3.12=*_cpython",
        "conda-forge::python=3.12",
        "python[channel=conda-forge]",
        "pip=20.1",
        "pip<21",
    ],
)
def test_what_of_conda_is_not_followed_is_said(write: Write, spec: str) -> None:
    """A release, a build, a version of pip."""
    recipe = read(write({"environment.yml": f"dependencies: ['{spec}']\n"}))
    assert [warning for warning in recipe.warnings if "any release" in warning or "not followed" in warning]


@pytest.mark.parametrize(
    ("line", "local"),
    [("-e ..", "-e ."), ("../", "."), ("../pkg", "./pkg"), ("./sub[x]", "./binder/sub'[x]'"), ("-r in.txt", "./pkg")],
)
def test_the_pip_section_counts_from_its_files_folder(write: Write, line: str, local: str) -> None:
    """conda runs pip there; in `binder/requirements.txt` paths count from the root."""
    text = f"dependencies: [python, {{pip: ['{line}']}}]\n"
    files = {"binder/environment.yml": text, "pkg/x": "", "binder/sub/x": "", "binder/in.txt": "../pkg\n"}
    assert read(write(files)).local == (local,)


def test_the_pip_section_stays_in_the_repository(write: Write) -> None:
    """Two folders up is somebody else's."""
    with pytest.raises(RecipeError, match="outside the repository"):
        read(write({"binder/environment.yml": "dependencies: [{pip: ['-e ../..']}]\n"}))


@pytest.mark.parametrize("folder", ["", "binder/"])
def test_conda_includes_a_file_by_address(write: Write, folder: str) -> None:
    """`-r file:name`, from conda's own examples, beside the environment file."""
    text = "dependencies: [python, {pip: ['-r file:requirements.txt']}]\n"
    files = {f"{folder}environment.yml": text, f"{folder}requirements.txt": "six\n"}
    assert read(write(files)).requirements == ("six",)


@pytest.mark.parametrize(
    "text",
    [
        "- a list",
        "dependencies: numpy",
        "dependencies: [{a: b}]",
        "dependencies: [1.5]",
        "dependencies: [https://x/y.conda]",
        "dependencies: [./x]",
        "dependencies: ['-x']",
        "dependencies: ['a\\nb']",
        "dependencies: [{pip: numpy}]",
        "dependencies: [{pip: [1]}]",
        "channels: [1]",
        "channels: ['https://u:s3cret@x/']",
        "variables: [a]",
        "variables: {1: a}",
        "variables: {A-B: x}",
        "variables: {A: [1]}",
        "dependencies:\n - x\n- y: [",
        "a: &a [*a]\nb: *c",
        "!!python/object:os.system {}",
        "dependencies: [{pip: ['--index-url http://x/']}]",
        "dependencies: [python=x=y=z(]",
        "\t",
        "[" * 5000,
    ],
)
def test_a_malformed_environment_is_refused(write: Write, text: str) -> None:
    """Each mistake is a RecipeError naming the file, and runs nothing."""
    with pytest.raises(RecipeError, match=r"environment\.yml") as caught:
        read(write({"environment.yml": text}))
    assert caught.value.hint and "s3cret" not in str(caught.value)


def test_a_line_of_the_pip_section_is_named(write: Write) -> None:
    """The line number is that of environment.yml."""
    with pytest.raises(RecipeError, match=r"`environment\.yml`, line 4"):
        read(write({"environment.yml": "dependencies:\n- pip:\n  - numpy\n  - numpy=1\n"}))


def test_a_pipfile_asks_as_pipenv_does(write: Write) -> None:
    """Packages and development packages, extras, markers, git and the project itself."""
    text = """
[packages]
Requests = "*"
dask = {version = ">=2", extras = ["array"], markers = "python_version > '3'"}
tool = {git = "https://host/tool.git", ref = "v1"}
me = {path = ".", editable = true}
[dev-packages]
pytest = "==8"
[requires]
python_version = "3.11"
"""
    recipe = read(write({"Pipfile": text, "setup.py": "", "requirements.txt": "ignored"}))
    assert (recipe.kind, recipe.python) == (Kind.PIPFILE, "3.11")
    assert recipe.requirements == ("requests", 'dask[array]>=2; python_version > "3"', "pytest==8")
    assert (recipe.direct, recipe.local) == (("tool @ git+https://host/tool.git@v1",), ("-e .",))


def test_a_pipfile_lock_goes_first(write: Write) -> None:
    """With a lock its pins and hashes count, and the Pipfile's wishes do not."""
    lock = {
        "_meta": {"requires": {"python_version": "3.9"}, "sources": [{"url": "https://pypi.org/simple"}]},
        "default": {"idna": {"version": "==3.1", "hashes": [f"sha256:{SHA}"], "index": "pypi"}},
        "develop": {"iniconfig": {"version": "==2.0", "markers": "python_version >= '3.8'"}},
    }
    recipe = read(write({"Pipfile.lock": json.dumps(lock), "Pipfile": '[packages]\nidna = "*"\n'}))
    assert recipe.requirements == ("idna==3.1", 'iniconfig==2.0; python_version >= "3.8"')
    assert (recipe.python, recipe.hashes) == ("3.9", (("idna", (SHA,)),))


@pytest.mark.parametrize(
    "files",
    [
        {"Pipfile": '[[source]]\nurl = "http://169.254.169.254/"\n'},
        {"Pipfile": "[packages]\na = 1\n"},
        {"Pipfile": "packages = 1\n"},
        {"Pipfile": '[packages]\na = "oops"\n'},
        {"Pipfile": '[packages]\na = {path = "../.."}\n'},
        {"Pipfile": '[packages]\na = {file = "https://x/a"}\n'},
        {"Pipfile.lock": "{"},
        {"Pipfile.lock": "[]"},
        {"Pipfile.lock": '{"default": [1]}'},
        {"Pipfile": "=\n"},
        {"Pipfile.lock": "[" * 9999},
        {"Pipfile": '[requires]\npython_version = "3.9999999"\n[packages]\n"a b" = "*"\n'},
    ],
)
def test_a_malformed_pipfile_is_refused(write: Write, files: dict[str, str]) -> None:
    """Each mistake is a RecipeError that names the file."""
    with pytest.raises(RecipeError, match="Pipfile"):
        read(write(files))


def test_apt_names_are_sorted(write: Write) -> None:
    """Comments and blank lines are left out; several on a line are taken, as repo2docker's shell does."""
    recipe = read(write({"apt.txt": "libgdal-dev # maps\n\ng++\nffmpeg curl\n"}))
    assert recipe.apt == ("curl", "ffmpeg", "g++", "libgdal-dev")


@pytest.mark.parametrize(
    "name", ["curl=1.0", "Curl", "a;id", "$(id)", "-y", "curl/stable", "libc6:amd64", "curl-", "a`b`", "&&", "x\x00"]
)
def test_what_apt_or_a_shell_would_misread_is_refused(write: Write, name: str) -> None:
    """Only whole package names pass, with the line named otherwise."""
    with pytest.raises(RecipeError, match=r"apt\.txt"):
        read(write({"apt.txt": f"git\n{name}\n"}))


def test_scripts_are_found_and_looked_at(write: Write) -> None:
    """`postBuild` puts the tree into the key; what would make the scripts fail is said."""
    recipe = read(write({"binder/postBuild": "true\n", "binder/start": "#!/bin/sh\nexport A=1\n"}))
    assert (recipe.post_build, recipe.start) == ("binder/postBuild", "binder/start")
    assert recipe.whole_tree is not None
    assert any("run by `sh`" in text for text in recipe.warnings) and any(
        'exec "$@"' in text for text in recipe.warnings
    )


def test_a_project_is_installed_with_its_dependencies_first(write: Write) -> None:
    """`pip install .` follows requirements.txt; written-down dependencies are locked, so that it finds them there."""
    text = """
[project]
name = "x"
version = "1"
requires-python = ">=3.9"
dependencies = ["idna>=3"]
[build-system]
requires = []
"""
    recipe = read(write({"pyproject.toml": text, "requirements.txt": "numpy\n"}))
    assert (recipe.kind, recipe.local, recipe.requirements) == (Kind.PYTHON, (".",), ("numpy", "idna>=3"))
    assert recipe.requires_python == ">=3.9"


def test_a_project_that_is_no_package_gives_its_dependencies(write: Write) -> None:
    """repo2docker passes it over; we install what it lists, with its `dev` group."""
    text = """
[project]
name = "x"
dependencies = ["idna"]
[dependency-groups]
Dev = ["pytest", {include-group = "t"}]
t = ["hypothesis"]
"""
    recipe = read(write({"pyproject.toml": text}))
    assert (recipe.kind, recipe.local, recipe.beyond) == (Kind.DEFAULT, (), "pyproject.toml")
    assert recipe.requirements == ("idna", "pytest", "hypothesis")


@pytest.mark.parametrize(
    "text",
    [
        "[project",
        "project = 1",
        '[project]\ndependencies = "x"',
        "[project]\ndependencies = [1]",
        '[project]\ndependencies = ["-r x"]',
        '[project]\ndependencies = ["./x"]',
        '[project]\ndependencies = ["x @ https://h/x"]',
        '[project]\nrequires-python = "abc"',
        "[project]\nrequires-python = 3",
        "[dependency-groups]\ndev = 1",
        '[dependency-groups]\ndev = [{include-group = "dev"}]',
        '[dependency-groups]\ndev = [{include-group = "none"}]',
        "[dependency-groups]\ndev = [{x = 1}]",
    ],
)
def test_a_malformed_project_is_refused(write: Write, text: str) -> None:
    """Each mistake is a RecipeError that names the file."""
    with pytest.raises(RecipeError, match=r"pyproject\.toml"):
        read(write({"pyproject.toml": text}))


def test_runtime_and_project_must_agree(write: Write) -> None:
    """A Python that the project does not allow is refused, naming both files."""
    with pytest.raises(RecipeError, match=r"`runtime\.txt`.*`pyproject\.toml`"):
        read(write({"runtime.txt": "python-3.9", "pyproject.toml": '[project]\nrequires-python = ">=3.11"\n'}))


@pytest.mark.parametrize("text", ["FROM andrewosh/binder-base\n"])
def test_the_first_binders_dockerfiles_are_refused(write: Write, text: str) -> None:
    """Their base no longer exists; the sentence says what to use instead."""
    with pytest.raises(RecipeError, match="no longer exists"):
        read(write({"Dockerfile": text}))


def test_links_of_folders_and_circles_are_refused_or_passed_over(write: Write, tmp_path: Path) -> None:
    """A binder folder that is a link out is refused; a link to itself is named, and as if it were not there."""
    root = write({"x": ""})
    (root / "requirements.txt").symlink_to("requirements.txt")
    assert replace(read(root), warnings=()) == Recipe(kind=Kind.DEFAULT, folder="")
    (tmp_path / "elsewhere").mkdir()
    (root / "binder").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RecipeError, match="leaves the repository"):
        read(root)


@pytest.mark.parametrize("name", ["requirements.txt", "binder", "binder/postBuild"])
def test_a_link_out_tells_nothing_of_what_is_there(write: Write, tmp_path: Path, name: str) -> None:
    """Whoever writes a repository learns of no file of the service's machine whether it exists, or is a folder."""
    there = (tmp_path / "file", tmp_path / "folder", tmp_path / "nothing")
    there[0].touch()
    there[1].mkdir()
    told = set()
    for target in there:
        link = write({"x": "", **({"binder/x": ""} if "/" in name else {})}) / name
        link.unlink(missing_ok=True)
        link.symlink_to(target)
        with pytest.raises(RecipeError) as caught:
            read(tmp_path / "checkout")
        told.add(caught.value.message)
    assert told == {f"`{name}` is a link that leaves the repository."}


NAMES = [
    "environment.yml",
    "Pipfile",
    "Pipfile.lock",
    "pyproject.toml",
    "runtime.txt",
    "apt.txt",
    "uv.lock",
    "pylock.toml",
    "pixi.lock",
    "pixi.toml",
    "poetry.lock",
    "postBuild",
]
SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=8)
KEYS = st.sampled_from(
    [
        "dependencies",
        "pip",
        "packages",
        "package",
        "default",
        "_meta",
        "project",
        "name",
        "version",
        "source",
        "wheels",
        "environments",
        "files",
    ]
)
TREES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3))


@pytest.mark.slow
@given(
    st.sampled_from(NAMES),
    st.binary(max_size=80) | st.text(max_size=80).map(str.encode) | TREES.map(lambda tree: json.dumps(tree).encode()),
)
def test_any_content_of_any_file_is_read_or_refused(name: str, content: bytes) -> None:
    """Whatever a file holds, nothing but a RecipeError with a hint comes of it."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / name).write_bytes(content)
        try:
            read(Path(folder))
        except RecipeError as error:
            assert error.hint


@pytest.mark.parametrize(
    ("requires", "python", "said"),
    [
        ('python_version = "3.12"', "3.12", False),
        ('python_full_version = "3.12.4"', "3.12", True),
        ('python_version = "3.12.4"', "3.12", True),
        ('python_version = "==3.12.*"', "3.12", False),
        ('python_version = "3"', None, False),
        ('python_version = "*"', None, False),
    ],
)
@pytest.mark.parametrize("lock", [False, True])
def test_a_pipfile_names_a_python(write: Write, requires: str, python: str | None, said: bool, lock: bool) -> None:
    """A whole version chooses its minor one, which the log says."""
    key, _, value = requires.partition(" = ")
    locked = {"Pipfile.lock": f'{{"_meta": {{"requires": {{"{key}": {value}}}}}, "default": {{}}}}'}
    recipe = read(write({"Pipfile": f"[requires]\n{requires}\n", **(locked if lock else {})}))
    assert recipe.python == python
    assert any("any release of 3.12 is used" in sentence for sentence in recipe.warnings) == said


@pytest.mark.parametrize("value", [">=3.10", "3.10 or so", "pypy3"])
def test_a_pipfiles_python_that_is_not_understood_is_refused(write: Write, value: str) -> None:
    """The default is not chosen in its place in silence."""
    with pytest.raises(RecipeError, match=r"`Pipfile`.*not understood"):
        read(write({"Pipfile": f'[requires]\npython_version = "{value}"\n'}))


@pytest.mark.parametrize(
    ("version", "server"), [("2.7", ("pyjokes==0.6.0",)), ("3.6", ("pyjokes==0.6.0",)), ("3.12", ())]
)
@pytest.mark.parametrize("name", ["Pipfile", "runtime.txt"])
def test_the_server_beside_a_kernel_gets_its_own_packages(
    write: Write, name: str, version: str, server: tuple[str, ...]
) -> None:
    """`requirements3.txt`, whichever file names the Python; where there is one environment alone it is not read."""
    text = f'[requires]\npython_version = "{version}"\n' if name == "Pipfile" else f"python-{version}\n"
    assert read(write({name: text, "requirements3.txt": "pyjokes==0.6.0\n"})).server == server
