"""What people paste: pages of other sites, commands, addresses in a sentence; each taken, or said for what it is."""

from __future__ import annotations

import pytest

from hubkiln.errors import BadSpec
from hubkiln.repositories import RepositorySettings, parse_spec, recognise

SETTINGS = RepositorySettings()
ID = "0123456789abcdef0123456789abcdef"

TAKEN = {
    "https://github.com/org/repo/raw/refs/heads/main/x/a.ipynb": ("gh", "org/repo", "main", "lab/tree/x/a.ipynb"),
    "https://github.com/org/repo/blob/refs/tags/v1/a.ipynb": ("gh", "org/repo", "v1", "lab/tree/a.ipynb"),
    "https://raw.githubusercontent.com/org/repo/refs/tags/v1/a.ipynb": ("gh", "org/repo", "v1", "lab/tree/a.ipynb"),
    "https://codeload.github.com/org/repo/tar.gz/refs/tags/v1": ("gh", "org/repo", "refs/tags/v1", ""),
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
    "https://nbviewer.org/url/host.example/a.ipynb": ("at an address of its own", "into a repository"),
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
    "import os, sys": ("Python's own", "git address"),
    "org/repo --ref dev": ("does not name", "`org/repo` alone"),
    "C:/Users/ada/work": ("your own computer", "git address"),
    "0123456789012345678901234567890123456789": ("a commit", "beside"),
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
