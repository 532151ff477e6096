"""What people paste: pages of other sites, commands, addresses in a sentence; each taken, or said for what it is."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest

from hubkiln.errors import BadSpec
from hubkiln.repositories import Mistaken, RepositorySettings, parse_spec, recognise

SETTINGS = RepositorySettings()
ID = "0123456789abcdef0123456789abcdef"

TAKEN = {
    "https://github.com/org/repo/raw/refs/heads/main/x/a.ipynb": ("gh", "org/repo", "main", "lab/tree/x/a.ipynb"),
    "https://github.com/org/repo/blob/refs/tags/v1/a.ipynb": ("gh", "org/repo", "v1", "lab/tree/a.ipynb"),
    "https://raw.githubusercontent.com/org/repo/refs/tags/v1/a.ipynb": ("gh", "org/repo", "v1", "lab/tree/a.ipynb"),
    "https://codeload.github.com/org/repo/tar.gz/refs/tags/v1": ("gh", "org/repo", "refs/tags/v1", ""),
    "https://github.com/org/repo.git@v1": ("gh", "org/repo", "v1", ""),
    "-e git+https://github.com/org/repo#egg=x": ("gh", "org/repo", "HEAD", ""),
    "https://api.github.com/repos/org/repo": ("gh", "org/repo", "HEAD", ""),
    "https://api.github.com/repos/org/repo/zipball/v1": ("gh", "org/repo", "v1", ""),
    "https://codespaces.new/org/repo/tree/dev?quickstart=1": ("gh", "org/repo", "dev", ""),
    "https://github.com/codespaces/new/org/repo": ("gh", "org/repo", "HEAD", ""),
    "https://github.dev/org/repo": ("gh", "org/repo", "HEAD", ""),
    "https://vscode.dev/github/org/repo/blob/main/a.py": ("gh", "org/repo", "main", "lab/tree/a.py"),
    "https://gitpod.io/#https://github.com/org/repo/tree/dev": ("gh", "org/repo", "dev", ""),
    "https://kaggle.com/kernels/welcome?src=https://github.com/org/repo/blob/main/a.ipynb": (
        "gh", "org/repo", "main", "lab/tree/a.ipynb"),
    "https://studiolab.sagemaker.aws/import/github/org/repo/blob/main/a.ipynb": (
        "gh", "org/repo", "main", "lab/tree/a.ipynb"),
    f"https://gist.githubusercontent.com/ada/{ID}/raw/abc/x.ipynb": ("gist", f"ada/{ID}", "HEAD", ""),
    f"https://gist.github.com/{ID}": ("git", f"https://gist.github.com/{ID}.git", "HEAD", ""),
    "https://huggingface.co/spaces/org/name/tree/dev": ("git", "https://huggingface.co/spaces/org/name", "dev", ""),
    "https://huggingface.co/org/model/blob/main/a.ipynb": (
        "git", "https://huggingface.co/org/model", "main", "lab/tree/a.ipynb"),
    "hf.co/datasets/org/name": ("git", "https://huggingface.co/datasets/org/name", "HEAD", ""),
    "https://zenodo.org/badge/DOI/10.5281/zenodo.3242074.svg": ("zenodo", "10.5281/zenodo.3242074", "HEAD", ""),
    "DOI 10.5281/zenodo.3242074": ("zenodo", "10.5281/zenodo.3242074", "HEAD", ""),
    "[![Binder](https://mybinder.org/badge_logo.svg)](https://mybinder.org/v2/gh/org/repo/main?labpath=a.ipynb)": (
        "gh", "org/repo", "main", "doc/tree/a.ipynb"),
    "[the course](https://github.com/org/repo \"title\")": ("gh", "org/repo", "HEAD", ""),
    "<https://github.com/org/repo>": ("gh", "org/repo", "HEAD", ""),
    "https://github.com/org/repo),": ("gh", "org/repo", "HEAD", ""),
    "https://github.com/org/repo.": ("gh", "org/repo", "HEAD", ""),
    "https://host.example/a(b).": ("git", "https://host.example/a(b)", "HEAD", ""),
    "\u201chttps://github.com/org/repo\u201d": ("gh", "org/repo", "HEAD", ""),
    "\u200bhttps://github.com/org/repo\ufeff": ("gh", "org/repo", "HEAD", ""),
    "`org/repo`": ("gh", "org/repo", "HEAD", ""),
    "org/repo/": ("gh", "org/repo", "HEAD", ""),
    "org/repo/tree/dev": ("gh", "org/repo", "dev", ""),
    "github:org/repo": ("gh", "org/repo", "HEAD", ""),
    "git clone -b dev --depth 1 https://github.com/org/repo.git && cd repo": ("gh", "org/repo", "dev", ""),
    "$ git clone --branch=v1 https://gitlab.com/group/repo.git mine": ("gl", "group/repo", "v1", ""),
    "git clone git@host.example:org/repo.git": ("git", "ssh://git@host.example/org/repo.git", "HEAD", ""),
    "gh repo clone org/repo": ("gh", "org/repo", "HEAD", ""),
    "repo2docker --ref main https://github.com/org/repo": ("gh", "org/repo", "main", ""),
    "hubkiln build org/repo --ref dev": ("gh", "org/repo", "dev", ""),
    "git+https://host.example/r.git@v1#egg=r": ("git", "https://host.example/r.git", "v1", ""),
    "github.com:org/repo.git": ("gh", "org/repo", "HEAD", ""),
    "org/repo@dev": ("gh", "org/repo", "dev", ""),
    "org/repo#feature/x": ("gh", "org/repo", "feature/x", ""),
    "https://github.com/org/repo/issues/12": ("gh", "org/repo", "HEAD", ""),
    "https://github.com/org/repo/wiki/Home": ("gh", "org/repo", "HEAD", ""),
    "https://github.com/org/repo/commits/feature/docs/a.ipynb": ("gh", "org/repo", "feature", ""),
    "https://github.com/org/repo/compare/main...feature%2Fx": ("gh", "org/repo", "feature/x", ""),
    "https://github.com/org/repo/releases/download/v1/x.whl": ("gh", "org/repo", "v1", ""),
    "https://github.com/org/repo/pull/7/commits/0123abc": ("gh", "org/repo", "0123abc", ""),
    "https://github.com/org/repo/commit/0123abc.patch": ("gh", "org/repo", "0123abc", ""),
    "https://raw.githack.com/org/repo/main/a.ipynb": ("gh", "org/repo", "main", "lab/tree/a.ipynb"),
    "https://cdn.jsdelivr.net/gh/org/repo@v1/a.ipynb": ("gh", "org/repo", "v1", "lab/tree/a.ipynb"),
    "https://githubtocolab.com/org/repo/blob/main/a.ipynb": ("gh", "org/repo", "main", "lab/tree/a.ipynb"),
    "https://colab.research.google.com/#fileId=https%3A//github.com/org/repo/blob/main/a.ipynb": (
        "gh", "org/repo", "main", "lab/tree/a.ipynb"),
    "https://nbviewer.org/urls/gitlab.com/org/repo/-/raw/main/a.ipynb": (
        "gl", "org/repo", "main", "lab/tree/a.ipynb"),
    "https://www.google.com/url?q=https%3A%2F%2Fgithub.com%2Forg%2Frepo&sa=D": ("gh", "org/repo", "HEAD", ""),
    "https://eur03.safelinks.protection.outlook.com/?url=https%3A%2F%2Fgithub.com%2Forg%2Frepo%2Ftree%2Fdev&data=05": (
        "gh", "org/repo", "dev", ""),
    "https://urldefense.com/v3/__https://github.com/org/repo__;!!abc$": ("gh", "org/repo", "HEAD", ""),
    "https://web.archive.org/web/20240101000000/https://github.com/org/repo": ("gh", "org/repo", "HEAD", ""),
    "https://gitlab.com/group/sub/repo/-/issues/3": ("gl", "group/sub/repo", "HEAD", ""),
    "https://gitlab.com/group/sub/repo/-/releases/v1": ("gl", "group/sub/repo", "v1", ""),
    "https://gitlab.com/group/sub/repo/tree/main/docs": ("gl", "group/sub/repo", "main", ""),
    "https://codeberg.org/org/repo/wiki": ("codeberg", "org/repo", "HEAD", ""),
    "https://bitbucket.org/work/repo/get/v1.zip": ("bitbucket", "work/repo", "v1", ""),
    "https://ada@bitbucket.org/work/repo.git": ("bitbucket", "work/repo", "HEAD", ""),
    "https://lab@dev.azure.com/lab/project/_git/repo": (
        "git", "https://dev.azure.com/lab/project/_git/repo", "HEAD", ""),
    "git@github.com:org/repo.git": ("gh", "org/repo", "HEAD", ""),
    "ssh://git@gitlab.com/group/sub/repo.git": ("gl", "group/sub/repo", "HEAD", ""),
    ".. image:: https://mybinder.org/badge_logo.svg\n   :target: https://mybinder.org/v2/gh/org/repo/main": (
        "gh", "org/repo", "main", ""),
    "<a href=\"https://mybinder.org/v2/gh/org/repo/main\">\n<img src=\"https://mybinder.org/b.svg\"></a>": (
        "gh", "org/repo", "main", ""),
    "git clone https://github.com/org/repo\ncd repo\npip install -r requirements.txt\n": (
        "gh", "org/repo", "HEAD", ""),
    "Dear all,\nplease open https://github.com/org/repo\n\nAda": ("gh", "org/repo", "HEAD", ""),
    "https://mybinder.org/repo/org/repo": ("gh", "org/repo", "HEAD", ""),
    "v2/gh/org/repo/main?labpath=a.ipynb": ("gh", "org/repo", "main", "doc/tree/a.ipynb"),
    "/hub/v2/gl/group%2Frepo/main": ("gl", "group/repo", "main", ""),
    "https://hub.example/hub/spawn?repository=%2Fv2%2Fgl%2Fgroup%252Frepo%2Fmain&labpath=a.ipynb": (
        "gl", "group/repo", "main", "doc/tree/a.ipynb"),
    "https://hub.example/hub/spawn#fancy-forms-config=%7B%22image%3AbinderProvider%22%3A%22gl%22%2C"
    "%22image%3AbinderRepo%22%3A%22group%2Frepo%22%2C%22image%3Aref%22%3A%22dev%22%7D": ("gl", "group/repo", "dev", ""),
}  # fmt: skip


@pytest.mark.parametrize("text", TAKEN)
def test_what_shows_a_repository_is_that_repository(text: str) -> None:
    """With its branch, and the file that is shown."""
    found = recognise(text, settings=SETTINGS)
    assert (found.spec.provider, found.spec.repository, found.spec.ref, found.opens) == TAKEN[text]


SAID = {
    "pip install git+https://github.com/org/repo.git@v1#egg=x": (
        "is a command", "`https://github.com/org/repo.git`, with `v1`"),
    "git pull origin main": ("is a command", "git address"),
    "cd repo": ("is a command", "git address"),
    "npm install react": ("is a command", "git address"),
    "docker compose up": ("is a command", "git address"),
    "sudo apt-get install -y ffmpeg": ("packages of the system", "`apt.txt`"),
    "python3.12 -m pip install -U \"numpy>=1.20\" 'pandas'": ("names packages", "`inline/numpy>=1.20,pandas`"),
    "import numpy as np": ("names a package", "`inline/numpy`"),
    "from sklearn.svm import SVC; import os; import yaml": ("names packages", "`inline/scikit-learn,pyyaml`"),
    "pip install -r requirements.txt": ("is a command", "git address"),
    "conda create -n x python=3.11 conda-forge::numpy=1.26": ("names packages", "`inline/python==3.11,numpy==1.26.*`"),
    "docker run -it --rm -p 8888:8888 -v \"$PWD\":/work quay.io/org/img:1 start.sh": (
        "an image", "--image quay.io/org/img:1"),
    "sudo docker run --name x --network=host -e A=b -d org/img": ("an image", "--image org/img"),
    "singularity pull docker://org/img": ("an image", "--image org/img"),
    "https://ghcr.io/org/img": ("an image", "--image ghcr.io/org/img"),
    "https://hub.docker.com/layers/library/python/3.11/images/sha256-abc": ("an image", "--image python"),
    "\"numpy\" \"pandas\"": ("names packages", "`inline/numpy,pandas`"),
    "https://pypi.org/simple/numpy/": ("names a package", "`inline/numpy`"),
    "https://arxiv.org/abs/1912.09363": ("a paper", "code"),
    "https://doi.org/10.48550/arXiv.1912.09363": ("a paper", "code"),
    "arXiv:1912.09363v2": ("a paper", "code"),
    "https://colab.research.google.com/drive/1abc": ("Google Drive", "into a repository"),
    "https://nbviewer.org/url/host.example/a.ipynb": ("a single file", "repository that it is in"),
    "https://nbviewer.org/faq": ("at an address of its own", "into a repository"),
    "https://drive.google.com/file/d/1abc/view?usp=sharing": ("a file that somebody keeps", "into a repository"),
    "https://osf.io/abcde/": ("a page of OSF", "into a repository"),
    "https://org.github.io/repo/page.html": ("GitHub serves", "`org/repo`"),
    "https://host.example/notes/a.ipynb": ("a single file", "repository that it is in"),
    "http://localhost:8888/lab?token=hunter2": ("a server that runs", "started from"),
    "https://mybinder.org/": ("a page of Binder", "`/v2/`"),
    "https://github.com/orgs/org/repositories": ("no repository", "`org/repo`"),
    "https://github.com/org": ("`org` is an owner", "`org/repo`"),
    "https:/github.com/org/repo": ("not quite an address", "`https://github.com/org/repo`"),
    "https://https://github.com/org/repo": ("not quite an address", "`https://github.com/org/repo`"),
    "git clone https://ada:hunter2@github.com/org/repo": ("password", ""),
    "install.packages(\"ggplot2\")": ("a line of R", "`install.R`"),
    "library(dplyr)": ("a line of R", "`install.R`"),
    "using DataFrames": ("R or Julia", "`Project.toml`"),
    "] add Plots": ("R or Julia", "`Project.toml`"),
    "3.11": ("a version of Python", "`inline/python=3.11`"),
    "Python 3.9.7": ("a version of Python", "`inline/python=3.9`"),
    "python3": ("a version of Python", "`inline/python=3."),
    "uvx jupyter lab": ("names a package", "`inline/jupyter`"),
    "org / repo": ("does not name", "`org/repo`"),
    "\u5b66\u6821/\u8bfe\u7a0b": ("does not name", "Its letters"),
    "0123456789abcdef0123456789abcdef": ("a gist", "`https://gist.github.com/0123456789abcdef0123456789abcdef`"),
    "import os, sys": ("Python's own", "git address"),
    "org/repo --ref dev": ("does not name", "`org/repo` alone"),
    "C:/Users/ada/work": ("your own computer", "git address"),
    "0123456789012345678901234567890123456789": ("a commit", "beside"),
    "sha256:" + "0" * 64: ("the digest of an image", "behind"),
    "FROM quay.io/org/img:1": ("an image", "--image quay.io/org/img:1"),
    "https://github.com/Org/repo/pkgs/container/img": ("an image", "--image ghcr.io/org/img"),
    "pip install --pre torch --index-url https://download.example/whl/cpu": ("names a package", "`inline/torch`"),
    "import numpy as np import pandas as pd": ("names packages", "`inline/numpy,pandas`"),
    "numpy>=1.20; python_version<\"3.9\"": ("names a package", "inline/numpy"),
    "name: x channels: - defaults dependencies: - python=3.11 - numpy - pip: - rich": (
        "names packages", "`inline/python==3.11,numpy,rich`"),
    "uv sync": ("is a command", "git address"),
    "python train.py": ("is a command", "git address"),
    "I want numpy and pandas": ("does not name", "git address"),
    "ada@example.org": ("an e-mail address", "git address"),
    "Ada Lovelace <ada@example.org>": ("an e-mail address", "git address"),
    "\U0001f680 mühle": ("`\U0001f680 mühle` does not name", "git address"),
    "org/repo/main": ("does not name", "`org/repo`, with `main` as the branch"),
    "https://hub.example/hub/spawn": ("a page of a hub", "built there"),
    "https://hub.example/jupyter/user/ada/lab/tree/a.ipynb": ("a server that runs", "started from"),
    "https://www.google.com/search?q=jupyter": ("what was found", "what is meant"),
    "https://zenodo.org/communities/x": ("no record", "/records/"),
    "https://gitlab.com/explore/projects": ("no project", "`group/project`"),
    "https://github.com/org/repo/compare/main...ada:dev": ("no files", "with a branch"),
    "https://github.com/org/repo/releases/latest": ("no files", "with a branch"),
    "https://github.com/org/repo\nhttps://github.com/org/other": ("neither one repository", "git address"),
}  # fmt: skip


@pytest.mark.parametrize("text", SAID)
def test_what_is_none_is_said_with_the_way_to_go(text: str) -> None:
    """And never with a password that was pasted."""
    what, way = SAID[text]
    with pytest.raises(BadSpec) as caught:
        parse_spec(text, settings=SETTINGS)
    assert what in caught.value.message
    assert way in caught.value.hint
    assert "hunter2" not in caught.value.message + caught.value.hint


LISTED = {
    "# plots\nnumpy\npandas>=2  # tables\n\n--index-url https://x.example/\n-r more.txt\n": "numpy,pandas>=2",
    "numpy==1.26.4 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\nrich==13.0 \\\n    --hash=sha256:cc\n": (
        "numpy==1.26.4,rich==13.0"
    ),
    "name: x\r\nchannels:\r\n  - conda-forge\r\ndependencies:\r\n  - python=3.11\r\n  - conda-forge::numpy=1.26\r\n"
    "  - xarray >=2024\r\n  - pip\r\n  - pip:\r\n      - 'httpx[http2]'\r\nprefix: /x\r\n": (
        "python==3.11,httpx[http2],numpy==1.26.*,xarray>=2024"
    ),
    '[project]\nname = "x"\ndependencies = [\n  "numpy",\n  "rich>=13",\n]\n': "numpy,rich>=13",
    "$ pip install numpy \\\n    pandas\n$ jupyter lab": "numpy,pandas",
    "import numpy as np\nfrom sklearn import svm\n\nprint(np.zeros(3))\n": "numpy,scikit-learn",
    "Package    Version\n---------- -------\nnumpy      1.26.4\nrich       13.0\n": "numpy==1.26.4,rich==13.0",
    "- numpy\n- pandas": "numpy,pandas",
    "numpy,\npandas,\n": "numpy,pandas",
}


@pytest.mark.parametrize("text", LISTED)
def test_a_list_of_packages_is_one_in_every_form(text: str) -> None:
    """A file of pip, conda or a project, commands, code, what tools print: the packages, comments and options aside."""
    with pytest.raises(Mistaken) as caught:
        recognise(text, settings=SETTINGS)
    assert caught.value.kind == "packages"
    assert recognise(caught.value.value, settings=SETTINGS).spec.repository == LISTED[text]
    assert recognise(f"inline/{quote(text)}", settings=SETTINGS).spec.repository == LISTED[text]


ENVIRONMENT = "name: x\nchannels: [conda-forge]\ndependencies:\n  - python=3.12\n  - {}\n  - numpy\n"


@pytest.mark.parametrize(
    ("text", "package"),
    [
        (ENVIRONMENT.format("r-base=4.3"), "r-base"),
        (ENVIRONMENT.format("conda-forge::r-ggplot2 >=3"), "r-ggplot2"),
        (ENVIRONMENT.format("gxx_linux-64"), "gxx_linux-64"),
        ("conda install -c conda-forge numpy r-tidyverse", "r-tidyverse"),
        ("$ mamba install cxx-compiler\n$ jupyter lab", "cxx-compiler"),
        (
            "# packages in environment at /x:\n#\n# Name  Version  Build\nnumpy  1.26.4  py311_0\nr-base  4.3  h1_0\n",
            "r-base",
        ),
        ("conda-forge::gdal", "conda-forge::gdal"),
        ("numpy\npytorch::pytorch\n", "pytorch::pytorch"),
        ("numpy=1.26.4=py311h64a7726_0\nxz=5.2.6=h1_0\n", "numpy=1.26.4=py311h64a7726_0"),
        ("# platform: linux-64\n_libgcc_mutex=0.1=main\n", "_libgcc_mutex=0.1=main"),
    ],
)
def test_what_conda_alone_has_is_said_to_be_condas(text: str, package: str) -> None:
    """In a list of packages, and where a repository is asked for: the index may have another package of that name."""
    with pytest.raises(BadSpec) as caught:
        recognise(f"inline/{quote(text)}", settings=SETTINGS)
    assert caught.value.message == f"`{package}` is a package of conda's, not of the package index."
    assert "an environment.yml" in caught.value.hint
    if "::" not in package and package.count("=") < 2:
        with pytest.raises(BadSpec, match="is a package of conda's") as there:
            recognise(text, settings=SETTINGS)
        assert not isinstance(there.value, Mistaken)


@pytest.mark.parametrize("text", ["r-pca,numpy", "conda install rich ruff", "conda-forge-metadata", "compilers"])
def test_names_that_the_index_has_are_its_packages(text: str) -> None:
    """A name of the kind alone says nothing, where nothing else shows that it is conda's."""
    assert recognise(f"inline/{quote(text)}", settings=SETTINGS).spec.provider == "inline"


def test_condas_sign_for_a_version_is_told_in_pips_way() -> None:
    """One sign for two."""
    with pytest.raises(BadSpec) as caught:
        recognise("inline/numpy=1.26", settings=SETTINGS)
    assert caught.value.hint == "Write it as `numpy==1.26.*`."


def test_with_a_key_an_ssh_address_is_asked_over_ssh() -> None:
    """Who has set one means it; without one nobody could be asked so."""
    keyed = RepositorySettings(ssh_key=Path("/key"))
    assert recognise("git@github.com:org/repo.git", settings=keyed).spec.provider == "git"


@pytest.mark.parametrize(
    "text",
    ["https://host.example/a(b)/r", "https://host.example/data.py.git", "git@github.com:org/repo.git", "git/git",
     "docker/compose", "pip/pip", "https://github.com/team-x/features", "https://git.example/o/r/raw/x.py"],
)  # fmt: skip
def test_what_only_resembles_them_is_taken(text: str) -> None:
    """Names of programs, odd addresses."""
    assert parse_spec(text, settings=SETTINGS)


def test_a_branch_beside_wins_over_one_that_is_pasted() -> None:
    """The field beside the address is what the user looks at."""
    assert recognise("git clone -b dev https://github.com/org/repo", "main", settings=SETTINGS).spec.ref == "main"


@pytest.mark.parametrize(("ref", "meant"), [(" v1 ", "v1"), ("main\n", "main"), ("@", "HEAD"), ("\t", "HEAD")])
def test_a_ref_is_taken_without_what_pasting_adds(ref: str, meant: str) -> None:
    """Spaces and line ends around it; `@` is git's short name for HEAD."""
    assert parse_spec("org/repo", ref, settings=SETTINGS).ref == meant


@pytest.mark.parametrize("text", ["a\nx{gap}\0!", "a\na==1{gap}!", "a{gap}--", "inline/x{gap}!", "$ sudo x{gap};"])
def test_gaps_of_any_length_are_passed_over(text: str) -> None:
    """What looks for something behind a gap did so from each of its places: minutes of a processor."""
    with pytest.raises(BadSpec):
        recognise(text.format(gap=" " * 19_900), settings=RepositorySettings())
