"""What pixi's manifest asks for by default, for Linux on usual machines, is what is made."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from hubkiln.errors import RecipeError, Unsupported
from hubkiln.recipes import Need, plan, read
from hubkiln.recipes.interface import Recipe
from hubkiln.recipes.toml_file import older_toml

Write = Callable[..., Path]
HEAD = '[workspace]\nname = "x"\nchannels = ["conda-forge"]\nplatforms = ["win-64", "linux-64"]\n'
PIXI_LOCK = """\
version: 6
environments:
  default:
    channels:
    - url: https://conda.anaconda.org/conda-forge/
    packages:
      linux-64:
      - conda: https://conda.anaconda.org/conda-forge/linux-64/gdal-3.9.0-py312_0.conda
"""


def manifest(write: Write, text: str, **others: str) -> Recipe:
    return read(write({"pixi.toml": HEAD + text, **others}))


@pytest.mark.parametrize(
    ("entry", "spec"),
    [
        ('gdal = "*"', "gdal"),
        ('gdal = "3.9.1"', "gdal 3.9.1"),
        ('gdal = "==3.9.1"', "gdal ==3.9.1"),
        ('gdal = "3.9.*"', "gdal 3.9.*"),
        ('gdal = ">=3.9, <4"', "gdal >=3.9,<4"),
        ('gdal = ">= 3.9 | < 2"', "gdal >=3.9|<2"),
        ('gdal = { version = "~=3.9.1", channel = "conda-forge" }', "conda-forge::gdal ~=3.9.1"),
        ('gdal = { build = "py312*" }', "gdal * py312*"),
        ('gdal = { channel = "https://prefix.dev/conda-forge" }', "conda-forge::gdal"),
        ('gdal = { version = "2.*", build = "cuda*" }', "gdal 2.* cuda*"),
    ],
)
def test_entries_become_condas_specs(write: Write, entry: str, spec: str) -> None:
    """A version without a sign is that very one, as in pixi, and as in conda's way with a space."""
    recipe = manifest(write, f'[dependencies]\npython = "3.12.*"\n{entry}\n')
    assert (recipe.conda, recipe.python, recipe.beyond) == ((spec,), "3.12", "pixi.toml")
    assert recipe.channels == ("conda-forge",)


@pytest.mark.parametrize(
    ("python", "asked"),
    [
        ('"3.11.*"', ("3.11", None)),
        ('"3.11"', ("3.11", None)),
        ('">=3.10,<3.14"', (None, "<3.14,>=3.10")),
        ('"~=3.11.0"', (None, "~=3.11.0")),
        ('"*"', (None, None)),
        ('{ version = "3.12.*", build = "*_cpython" }', ("3.12", None)),
    ],
)
def test_the_python_is_asked_for_as_in_an_environment_file(
    write: Write, python: str, asked: tuple[str | None, str | None]
) -> None:
    """One version, or those that a range allows."""
    recipe = manifest(write, f'[dependencies]\npython = {python}\ngdal = "*"\n')
    assert (recipe.python, recipe.requires_python) == asked


def test_python_and_packages_of_pypi_need_no_conda(write: Write) -> None:
    """As an `environment.yml` of that kind: wheels are enough."""
    pypi = 'pandas = { version = ">=2", extras = ["perf"] }\nsix = "*"\n'
    pypi += """old = { version = "*", env-markers = "sys_platform == 'linux'" }\n"""
    recipe = manifest(write, f'[dependencies]\npython = "3.11.*"\npip = "*"\n[pypi-dependencies]\n{pypi}')
    assert (recipe.python, recipe.conda) == ("3.11", ())
    assert recipe.requirements == ("pandas[perf]>=2", "six", 'old; sys_platform == "linux"')
    assert plan(recipe, frozenset()).needs == ()


TABLES = """
[build-dependencies]
cmake = "3.*"
gdal = "1"
[host-dependencies]
gdal = "2"
[dependencies]
gdal = "3"
proj = "*"
[target.unix.dependencies]
Proj = "8"
geos = "1"
[target.linux.dependencies]
geos = "2"
[target.linux-64.dependencies]
geos = "3"
[target.win-64.dependencies]
geos = "9"
m2 = "*"
[target.osx.dependencies]
mlx = "*"
"""


def test_tables_for_linux_go_before_those_for_all(write: Write) -> None:
    """What is said for fewer systems wins, and what runs before what builds; other systems' are left out."""
    assert manifest(write, TABLES).conda == ("cmake 3.*", "gdal 3", "Proj 8", "geos 3")


FEATURES = """
[dependencies]
numpy = "*"
[feature.py312.dependencies]
python = "3.12.*"
[feature.gpu]
channels = ["nvidia", { channel = "pytorch", priority = -1 }]
[feature.gpu.dependencies]
numpy = "<3"
cupy = "*"
[feature.gpu.target.linux-64.pypi-dependencies]
six = "*"
[feature.docs.dependencies]
sphinx = "*"
"""


@pytest.mark.parametrize(
    ("default", "conda", "channels"),
    [
        ("", {"numpy"}, ("conda-forge",)),
        ('docs = ["docs"]', {"numpy"}, ("conda-forge",)),
        ('default = ["py312", "gpu"]', {"numpy", "numpy <3", "cupy"}, ("conda-forge", "nvidia", "pytorch")),
        ('default = ["gpu"]', {"numpy", "numpy <3", "cupy"}, ("nvidia", "conda-forge", "pytorch")),
        (
            'default = { features = ["gpu"], no-default-feature = true }',
            {"numpy <3", "cupy"},
            ("nvidia", "pytorch"),
        ),
    ],
)
def test_the_default_environments_features_count(
    write: Write, default: str, conda: set[str], channels: tuple[str, ...]
) -> None:
    """And no other's; channels are in pixi's order."""
    recipe = manifest(write, f"{FEATURES}\n[environments]\n{default}\n")
    assert (set(recipe.conda), recipe.channels) == (conda, channels)
    assert recipe.requirements == (("six",) if "gpu" in default else ())
    assert recipe.python == ("3.12" if "py312" in default else None)


def test_packages_from_elsewhere_come_from_there(write: Write) -> None:
    """Folders and repositories, never the public package of that name."""
    text = """[dependencies]
gdal = "*"
[pypi-dependencies]
toolz = { path = "vendor/toolz", editable = true, extras = ["a"] }
mine = { path = "." }
httpx = { git = "https://example.org/httpx.git", tag = "v1", subdirectory = "py" }
"""
    files = {"vendor/toolz/pyproject.toml": '[project]\nname = "toolz"\nversion = "1"\n'}
    recipe = manifest(write, text, **files)
    assert (recipe.local, recipe.requirements) == (("-e ./vendor/toolz'[a]'", "."), ())
    assert recipe.direct == ("httpx @ git+https://example.org/httpx.git@v1#subdirectory=py",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[dependencies]\nx = { path = "." }\n', "line 6: `path` of the conda package `x` cannot be followed"),
        ('[dependencies]\nx = { build-number = ">=1" }\n', "`build-number` of the conda package"),
        (f'[dependencies]\nx = {{ version = "1", sha256 = "{"a" * 64}" }}\n', "`sha256` of the conda package"),
        ("[dependencies]\nx = 1\n", "`x` has no version that is text"),
        ('[dependencies]\nx = "1.2 py_0"\n', "the version of `x` is not understood"),
        ('[dependencies]\npython = "three"\n', "the Python that `python three` asks for is not understood"),
        ('[dependencies]\n"x y" = "1"\n', "`x y` is not a package's name"),
        ('[feature]\na.dependencies = ["x"]\n[environments]\ndefault = ["a"]\n', "`dependencies` should be a table"),
        ('[environments]\ndefault = ["nowhere"]\n', "there is no feature `nowhere`"),
        ('[environments]\ndefault = "docs"\n', "is not a list of features"),
        ('[pypi-dependencies]\nx = "1.2"\n', "the version of `x` is not one of PyPI's"),
        ('[pypi-dependencies]\n"x>=1" = "*"\n', "`x>=1` is not a package's name"),
        ('[pypi-dependencies]\nx = { conda = "1" }\n', "`conda` of `x` cannot be followed"),
        ('[pypi-dependencies]\nx = { version = "*", index = "https://example.org/simple" }\n', "takes x from where"),
        ('[pypi-dependencies]\nx = { path = "../x" }\n', "takes x from where"),
        ('[pypi-dependencies]\n"x @ https://example.org/x" = "*"\n', "is not a package's name"),
        ('[pypi-options]\nindex-url = "https://example.org/simple"\n', "an index other than PyPI|index other than"),
        ('[workspace.pypi-options]\nextra-index-urls = [{ url = "https://example.org/" }]\n', "index other than PyPI"),
        ('[feature.a.pypi-options]\nfind-links = [{ path = "x" }]\n[environments]\ndefault = ["a"]\n', "index other"),
        ('[feature.a]\nplatforms = ["osx-64"]\n[environments]\ndefault = ["a"]\n', "other systems than linux-64"),
        ('[activation.env]\n"A B" = "1"\n', "`A B` is not an environment variable"),
    ],
)
def test_what_cannot_be_followed_is_refused(write: Write, text: str, message: str) -> None:
    """With the file, what stands there, and what to do."""
    with pytest.raises(RecipeError, match=message) as caught:
        manifest(write, text)
    assert "`pixi.toml`" in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("platforms", "ours"),
    [
        ('["linux-64"]', True),
        ('["osx-arm64", "win-64"]', False),
        ("[]", True),
        ('[{ platform = "linux-64", cuda = "12" }]', True),
        ('[{ name = "big", platform = "linux-64" }, "osx-64"]', True),
        ('[{ name = "linux-64", cuda = "12" }]', True),
        ('[{ platform = "linux-aarch64" }]', False),
    ],
)
def test_a_manifest_for_other_systems_is_refused(write: Write, platforms: str, ours: bool) -> None:
    """Whichever way pixi lets a platform be written."""
    text = f'[project]\nplatforms = {platforms}\n[dependencies]\nsix = "*"\n'
    if ours:
        assert read(write({"pixi.toml": text})).conda == ("six",)
        return
    with pytest.raises(RecipeError, match="is made for other systems than linux-64"):
        read(write({"pixi.toml": text}))


def test_a_feature_may_name_a_platform_by_its_own_name(write: Write) -> None:
    """As pixi's documentation does for graphics cards."""
    text = '[workspace]\nplatforms = ["osx-64", { name = "big", platform = "linux-64" }]\n[dependencies]\nsix = "*"\n'
    text += '[feature.gpu]\nplatforms = ["big"]\n[environments]\ndefault = ["gpu"]\n'
    assert read(write({"pixi.toml": text})).conda == ("six",)


NEWER = """
[workspace]  # a comment, { and a brace
channels = ["conda-forge"]
platforms = [
  "linux-64",
  { platform = "osx-arm64", macos = "13" },
]
[dependencies]
gdal = {
  version = ">=3,<4",
  # a comment }
  build = 'py312*',
}
six = { version = "1.*", channel = "conda-forge", }
"""


def test_tables_of_several_lines_are_read(write: Write) -> None:
    """pixi writes TOML 1.1, which Python's own reader does not know."""
    assert read(write({"pixi.toml": NEWER})).conda == ("gdal >=3,<4 py312*", "conda-forge::six 1.*")


@pytest.mark.parametrize(
    ("newer", "older"),
    [
        ("a = {\n x = 1,\n}\nb = 2\n", "a = { x = 1 }\nb = 2\n"),
        ("a = { x = '},' , # why }\n y = [1,\n2,], }", "a = { x = '},', y = [1, 2] }"),
        ('a = { x = "\\"}", }\n', 'a = { x = "\\"}" }'),
        ('a = { x = """\n},}""", y = { z = \'\',\n},\n}', 'a = { x = "},}", y = { z = "" } }'),
        ("a = [\n {x = 1,},\n # {\n]\n", "a = [{ x = 1 }]"),
    ],
)
def test_newer_toml_means_the_same(newer: str, older: str) -> None:
    """Texts and comments keep their signs."""
    assert tomllib.loads(older_toml(newer)) == tomllib.loads(older)
    assert older_toml(older) == older


@pytest.mark.parametrize("text", ["a = {\n", "a = }", 'a = "{\n}"', "[dependencies\n", "a = { x = 1,, }"])
def test_what_is_no_toml_is_refused_with_its_line(write: Write, text: str) -> None:
    """By the message for the file as it is."""
    with pytest.raises(RecipeError, match=r"`pixi\.toml` is not valid TOML"):
        read(write({"pixi.toml": text}))


def test_variables_of_the_activation_are_set(write: Write) -> None:
    """Those with a value of their own; what is made of others, and scripts, are named."""
    text = '[dependencies]\nsix = "*"\n[activation]\nscripts = ["a.sh"]\n'
    text += '[activation.env]\nBACKEND = "Agg"\nPATH = "/x"\nLIBS = "$CONDA_PREFIX/lib"\n'
    recipe = manifest(write, text)
    assert recipe.env == (("BACKEND", "Agg"),)
    said = "\n".join(recipe.warnings)
    for words in ("`activation.scripts` is not followed", "`LIBS` is ignored", "`PATH` is ignored"):
        assert words in said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[system-requirements]\ncuda = "12"\n', "`system-requirements` is not followed"),
        ('[constraints]\nopenssl = ">=3"\n', "`constraints` is not followed"),
        ('[target.linux.constraints]\nopenssl = ">=3"\n', "`constraints` is not followed"),
        ("[pypi-options]\nno-build-isolation = true\n", "`pypi-options.no-build-isolation` is not followed"),
        ('[package]\nname = "x"\n', "the package that `[package]` describes is not built"),
        (
            '[feature.a]\nsolve-strategy = "lowest"\n[environments]\ndefault = ["a"]\n',
            "`solve-strategy` is not followed",
        ),
    ],
)
def test_what_is_passed_over_is_said(write: Write, text: str, words: str) -> None:
    """Whatever changes which packages come."""
    recipe = manifest(write, f'[dependencies]\nsix = "*"\n{text}')
    assert any(words in one for one in recipe.warnings)


def test_tasks_are_nobodys_loss(write: Write) -> None:
    """They are for whoever works with the repository."""
    assert not manifest(write, '[dependencies]\nsix = "*"\n[tasks]\nstart = "jupyter lab"\n').warnings


PROJECT = '[project]\nname = "x"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = ["toolz"]\n'
IN_PROJECT = """
[dependency-groups]
dev = ["six"]
test = ["pytest"]
[tool.pixi.workspace]
channels = ["conda-forge"]
platforms = ["linux-64"]
[tool.pixi.dependencies]
gdal = "*"
[tool.pixi.environments]
default = ["test"]
"""


def test_a_projects_own_file_may_hold_the_manifest(write: Write) -> None:
    """What `[project]` asks for is of the default environment, dependency groups are features."""
    recipe = read(write({"pyproject.toml": PROJECT + IN_PROJECT}))
    assert (recipe.conda, set(recipe.requirements)) == (("gdal",), {"toolz", "pytest"})
    assert (recipe.python, recipe.requires_python, recipe.beyond) == (None, ">=3.11", "pyproject.toml")
    assert plan(recipe, frozenset({Need.CONDA})).why == ("`pyproject.toml` (gdal) needs conda packages",)


@pytest.mark.parametrize(
    ("others", "by"),
    [
        ({"environment.yml": "dependencies: [zlib]\n"}, "environment.yml"),
        ({"requirements.txt": "six\n"}, "requirements.txt"),
        ({"Pipfile": ""}, "Pipfile"),
        ({"pylock.toml": 'lock-version = "1.0"\n'}, "pylock.toml"),
    ],
)
def test_other_recipes_go_before_it(write: Write, others: dict[str, str], by: str) -> None:
    """Those that repo2docker knows, and locks; that it is passed over is said."""
    recipe = read(write({"pixi.toml": f'{HEAD}[dependencies]\ngdal = "*"\n', **others}))
    assert "gdal" not in recipe.conda
    assert f"`pixi.toml` is ignored because there is `{by}`." in recipe.warnings


def test_its_lock_of_conda_packages_is_not_followed(write: Write) -> None:
    """The manifest is, and that is said; the lock alone is refused."""
    recipe = manifest(write, '[dependencies]\ngdal = "*"\n', **{"pixi.lock": PIXI_LOCK})
    assert (recipe.conda, recipe.beyond) == (("gdal",), "pixi.toml")
    assert any(
        "`pixi.lock` is not followed, because it locks conda packages (gdal): versions are those that `pixi.toml`"
        in one
        for one in recipe.warnings
    )


@pytest.mark.parametrize("text", ["", HEAD, f'{HEAD}[feature.docs.dependencies]\nsphinx = "*"\n'])
def test_an_empty_default_is_said(write: Write, text: str) -> None:
    """The environment is Jupyter's own, and whoever wrote the file learns why."""
    recipe = read(write({"pixi.toml": text}))
    assert (recipe.beyond, recipe.conda) == (None, ())
    assert recipe.warnings == ("`pixi.toml` asks for no packages in its default environment.",)


def test_a_python_for_which_repo2docker_would_be_needed_is_refused(write: Write) -> None:
    """repo2docker does not know the file."""
    recipe = manifest(write, '[dependencies]\npython = "2.7.*"\nsix = "*"\n')
    with pytest.raises(Unsupported, match=r"which does not follow `pixi\.toml`") as caught:
        plan(recipe, frozenset(Need))
    assert caught.value.hint == "Ask for Python 3.5 or newer."


def test_what_lies_beside_is_said_by_its_name(write: Write) -> None:
    """A runtime that is not understood, R's own file, and another tool's lock of the same packages."""
    others = {"runtime.txt": "julia-1.10", "install.R": "", "conda-lock.yml": ""}
    said = "\n".join(manifest(write, '[dependencies]\nsix = "*"\n', **others).warnings)
    for words in ("`julia-1.10`, which is not understood", "`install.R` is ignored", "versions come from `pixi.toml`"):
        assert words in said


def test_two_files_that_ask_for_different_pythons_are_refused(write: Write) -> None:
    """`runtime.txt` is repo2docker's; beside it the manifest's packages count, for the same Python."""
    text = '[dependencies]\npython = "3.12.*"\nsix = "*"\n'
    assert manifest(write, text, **{"runtime.txt": "python-3.12"}).python == "3.12"
    with pytest.raises(RecipeError, match=r"but `pixi\.toml` allows only ==3\.12\.\*"):
        manifest(write, text, **{"runtime.txt": "python-3.11"})


def test_a_binder_folder_may_hold_it(write: Write) -> None:
    """Its folders count from there."""
    text = f'{HEAD}[dependencies]\nsix = "*"\n[pypi-dependencies]\nmine = {{ path = ".." }}\n'
    recipe = read(write({"binder/pixi.toml": text, "binder/apt.txt": "git\n"}))
    assert (recipe.conda, recipe.local, recipe.apt, recipe.beyond) == (
        ("six",),
        (".",),
        ("git",),
        "binder/pixi.toml",
    )
