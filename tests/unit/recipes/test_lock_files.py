"""Lock files of other tools: what is pinned, what is asked for, what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

from hubkiln.errors import RecipeError
from hubkiln.recipes import read
from hubkiln.recipes.poetry_versions import specifier

Write = Callable[..., Path]
SHA = "ef" * 32
PROJECT = """
[project]
name = "demo"
version = "1"
requires-python = ">=3.10"
dependencies = ["idna", "colorama; sys_platform == 'win32'"]
[dependency-groups]
dev = ["iniconfig"]
docs = ["sphinx"]
"""
UV = f"""
version = 1
requires-python = ">=3.11"
[[package]]
name = "demo"
version = "1"
source = {{ virtual = "." }}
[[package]]
name = "idna"
version = "3.1"
source = {{ registry = "https://pypi.org/simple" }}
wheels = [{{ url = "http://169.254.169.254/idna.whl", hash = "sha256:{SHA}" }}]
[[package]]
name = "idna"
version = "2.9"
source = {{ registry = "https://pypi.org/simple" }}
resolution-markers = ["python_full_version < '3.8'"]
[[package]]
name = "tool"
version = "0.1"
source = {{ git = "https://host/tool.git?rev=main#{"a" * 40}" }}
"""
PYLOCK = f"""
lock-version = "1.0"
requires-python = ">=3.12"
[[packages]]
name = "idna"
version = "3.1"
marker = "python_version > '3'"
wheels = [{{ name = "idna-3.1-py3-none-any.whl", hashes = {{ sha256 = "{SHA}" }} }}]
"""
POETRY = f"""
[[package]]
name = "idna"
version = "3.1"
files = [{{ file = "idna-3.1-py3-none-any.whl", hash = "sha256:{SHA}" }}]
[metadata]
python-versions = "^3.10"
"""
POETRY_PROJECT = """
[tool.poetry]
name = "demo"
[tool.poetry.dependencies]
python = "^3.10"
idna = "^3"
requests = {version = "*", extras = ["socks"], optional = true}
[tool.poetry.group.dev.dependencies]
iniconfig = "*"
[build-system]
requires = ["poetry-core"]
"""
PIXI = """
version: 6
environments:
  default:
    packages:
      linux-64:
      - conda: https://conda.anaconda.org/conda-forge/linux-64/python-3.12.3-hab00c5b_0_cpython.conda
      - conda: https://conda.anaconda.org/conda-forge/linux-64/openssl-3.3.0-h4ab18f5_3.conda
      - pypi: https://host/idna-3.1-py3-none-any.whl
packages:
- pypi: https://host/idna-3.1-py3-none-any.whl
  name: idna
  version: '3.1'
  sha256: SHA
""".replace("SHA", SHA)


def test_uv_lock_limits_what_the_project_asks_for(write: Write) -> None:
    """The project's wishes and its dev group are asked for; the lock's pins limit them, addresses are not used."""
    recipe = read(write({"pyproject.toml": PROJECT, "uv.lock": UV}))
    assert recipe.requirements == ("idna", 'colorama; sys_platform == "win32"', "iniconfig")
    assert recipe.constraints == ("idna==3.1", 'idna==2.9; python_full_version < "3.8"')
    assert recipe.direct == (f"tool @ git+https://host/tool.git@{'a' * 40}",)
    assert (recipe.hashes, recipe.requires_python, recipe.beyond) == ((("idna", (SHA,)),), ">=3.11", "uv.lock")


def test_pylock_is_a_list_of_pins(write: Write) -> None:
    """Each package is asked for exactly, under its marker."""
    recipe = read(write({"binder/pylock.toml": PYLOCK}))
    assert recipe.requirements == ('idna==3.1; python_version > "3"',)
    assert (recipe.hashes, recipe.requires_python) == ((("idna", (SHA,)),), ">=3.12")


def test_poetry_lock_limits_what_poetry_asks_for(write: Write) -> None:
    """Names come from Poetry's tables, versions from its lock; optional packages are left out."""
    recipe = read(write({"pyproject.toml": POETRY_PROJECT, "poetry.lock": POETRY}))
    assert (recipe.requirements, recipe.constraints) == (("idna", "iniconfig"), ("idna==3.1",))


@pytest.mark.parametrize(
    ("project", "why"),
    [
        ('[project]\ndependencies = ["idna"]\n[build-system]\nrequires = ["hatchling"]\n', "has a `[build-system]`"),
        ('[tool]\npoetry = { group = "dev", dependencies = [1] }\n[build-system]\nrequires = ["poetry-core"]\n', ""),
    ],
)
def test_packages_that_are_passed_over_are_told(write: Write, project: str, why: str) -> None:
    """As repo2docker does, but not silently; what asks for nothing is not worth a word."""
    recipe = read(write({"binder/pyproject.toml": project}))
    assert recipe.requirements == ()
    assert [why in warning for warning in recipe.warnings] == ([True] if why else [])


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("^1.2.3", ">=1.2.3,<2"),
        ("^0.2.3", ">=0.2.3,<0.3"),
        ("^0.0.3", ">=0.0.3,<0.0.4"),
        ("^0.0", ">=0.0,<0.1"),
        ("^0", ">=0,<1"),
        ("~1.2.3", ">=1.2.3,<1.3"),
        ("~1", ">=1,<2"),
        ("1.2", "==1.2"),
        ("1.*", "==1.*"),
        (">=3.8 <3.12", ">=3.8,<3.12"),
        ("^3.10, !=3.11.*", ">=3.10,<4,!=3.11.*"),
        ("*", ""),
    ],
)
def test_poetrys_versions_are_pips(said: str, meant: str) -> None:
    """A caret keeps the leftmost number that is not zero, a tilde the minor version."""
    found = specifier(said)
    assert found is not None and SpecifierSet(found) == SpecifierSet(meant)


@pytest.mark.parametrize("said", ["^1 || ^2", "banana", "^x", "1.2.x", "^" * 300, "1, , 2 3"])
def test_what_pip_has_no_words_for_is_none(said: str) -> None:
    """Nothing is guessed."""
    assert specifier(said) is None


def test_poetrys_tables_without_a_lock_are_followed(write: Write) -> None:
    """In the versions that they allow, for the Pythons that they allow; optional packages and groups are left out."""
    limited = 'tomli = { version = "~2.0", python = "<3.11", markers = "os_name == \'posix\'" }\n'
    recipe = read(
        write({"pyproject.toml": POETRY_PROJECT.replace("[tool.poetry.group", f"{limited}[tool.poetry.group")})
    )
    assert recipe.requirements == (
        "idna<4,>=3",
        'tomli<2.1,>=2.0; os_name == "posix" and python_full_version < "3.11"',
        "iniconfig",
    )
    assert (recipe.requires_python, recipe.local, recipe.warnings) == ("<4,>=3.10", (), ())


def test_poetrys_list_for_several_systems_is_followed_whole(write: Write) -> None:
    """Whatever comes first in it."""
    entries = """{ version = "^1.0", platform = "win32" }, { version = "^2.0", markers = "sys_platform != 'win32'" }"""
    recipe = read(write({"pyproject.toml": f"[tool.poetry.dependencies]\nmany = [{entries}]\n"}))
    assert sorted(recipe.requirements) == [
        'many<2,>=1.0; sys_platform == "win32"',
        'many<3,>=2.0; sys_platform != "win32"',
    ]


def test_what_poetrys_tables_cannot_give_without_a_lock_is_said(write: Write) -> None:
    """Folders, repositories and versions that pip has no words for; the rest is installed, and runtime.txt decides."""
    tables = '[tool.poetry.dependencies]\npython = "^3.12"\nsix = "*"\nours = { path = "x" }\nmany = "^1 || ^2"\n'
    recipe = read(write({"pyproject.toml": tables, "runtime.txt": "python-3.11\n"}))
    assert (recipe.requirements, recipe.python) == (("six",), "3.11")
    assert [name in one for name, one in zip(("`ours`", "`many`"), recipe.warnings, strict=True)] == [True, True]


ADDRESS = "https://10.0.0.1/x-1-py3-none-any.whl#"


@pytest.mark.parametrize(
    "files",
    [
        {"pyproject.toml": f'[tool.poetry.dependencies]\n"x @ {ADDRESS}" = "*"\n'},
        {"pyproject.toml": f'[tool.poetry.dependencies]\nx = {{ version = "*", extras = ["a] @ {ADDRESS}"] }}\n'},
        {"pyproject.toml": POETRY_PROJECT.replace("idna", f'"x @ {ADDRESS}"', 1), "poetry.lock": POETRY},
        {"pylock.toml": f'lock-version = "1.0"\n[[packages]]\nname = "x @ {ADDRESS}"\nversion = "1"\n'},
        {"pyproject.toml": PROJECT, "uv.lock": UV.replace('name = "idna"', f'name = "x @ {ADDRESS}"')},
    ],
)
def test_no_address_comes_of_a_name(write: Write, files: dict[str, str]) -> None:
    """Addresses are looked at before they are asked; put together from a name, one went to the resolver unseen."""
    with pytest.raises(RecipeError, match="an address comes of it"):
        read(write(files))


def test_pixi_lock_of_pypi_packages(write: Write) -> None:
    """Where conda gives Python alone, the packages of PyPI are taken for the same Python."""
    recipe = read(write({"pixi.lock": PIXI}))
    assert (recipe.requirements, recipe.requires_python) == (("idna==3.1",), "==3.12.*")


@pytest.mark.parametrize("files", [{"setup.py": ""}, {"pyproject.toml": PROJECT + "[build-system]\nrequires = []\n"}])
def test_a_package_beside_a_pixi_lock_of_conda_packages_is_installed(write: Write, files: dict[str, str]) -> None:
    """As repo2docker installs it, which knows no such lock; that the lock is not followed is said."""
    recipe = read(write({"pixi.lock": PIXI.replace("openssl-3.3.0", "gdal-3.3.0"), **files}))
    assert (recipe.local, recipe.beyond) == ((".",), None)
    assert any("`pixi.lock` is not followed, because it locks conda packages (gdal" in one for one in recipe.warnings)


def test_a_package_beside_a_pixi_lock_of_pypi_alone_is_locked(write: Write) -> None:
    """Where everything in the lock can be had, it is followed."""
    recipe = read(write({"pixi.lock": PIXI, "setup.py": ""}))
    assert (recipe.local, recipe.beyond, recipe.requirements) == ((".",), "pixi.lock", ("idna==3.1",))


def test_requirements_go_before_a_lock(write: Write) -> None:
    """repo2docker's files keep their place; that a lock is passed over is said."""
    recipe = read(write({"requirements.txt": "numpy\n", "pylock.toml": PYLOCK}))
    assert (recipe.requirements, recipe.beyond) == (("numpy",), None)
    assert "`pylock.toml` is ignored because there is `requirements.txt`." in recipe.warnings


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"uv.lock": UV}, "no pyproject.toml"),
        ({"uv.lock": "[["}, "not valid TOML"),
        ({"uv.lock": "package = 1"}, "malformed"),
        (
            {"uv.lock": '[[package]]\nname = "x"\nversion = "1"\nsource = { url = "https://h/x.whl" }'},
            "x from a file or address",
        ),
        ({"uv.lock": '[[package]]\nname = "x"\nversion = "!"\nsource = { registry = "r" }'}, "malformed"),
        ({"uv.lock": '[[package]]\nname = "x"\nsource = { git = "file:///srv/x" }'}, "only `git\\+https"),
        ({"pylock.toml": '[[packages]]\nname = "x"\nvcs = { url = "https://h/x" }'}, "x from a file or address"),
        ({"pylock.toml": '[[packages]]\nversion = "1"'}, "malformed"),
        (
            {"poetry.lock": '[[package]]\nname = "x"\nversion = "1"\nsource = { type = "file" }'},
            "x from a file or address",
        ),
        ({"pixi.lock": PIXI.replace("openssl-3.3.0", "gdal-3.3.0")}, "conda package gdal"),
        ({"pixi.lock": "version: 6"}, "no default environment"),
    ],
)
def test_a_lock_that_cannot_be_followed_is_refused(write: Write, files: dict[str, str], message: str) -> None:
    """Malformed locks, and packages from places that are not allowed, are named."""
    with pytest.raises(RecipeError, match=message):
        read(write(files))
