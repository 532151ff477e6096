"""Copies what is not in the home yet: a whole repository, or one inside another."""

from __future__ import annotations

import contextlib
import os
import shutil

from .disk import clear, copy, walk
from .git import BASE, Git, git_dir


def copy_all(source: str, new: str) -> None:
    """Copy a folder, links as links, without locks of git's that somebody held."""
    for parent, folders, files in walk(source):
        below = os.path.normpath(os.path.join(new, os.path.relpath(parent, source)))
        os.makedirs(below, exist_ok=True)
        links = [name for name in folders if os.path.islink(os.path.join(parent, name))]
        for name in (*files, *links):
            if not (name.endswith(".lock") and ".git" in os.path.relpath(parent, source).split("/")):
                copy(os.path.join(parent, name), os.path.join(below, name))


def bring_module(source: str, folder: str) -> None:
    """Copy the repository at `source`, itself a part of another, so that it stands by itself in `folder`."""
    new = f"{folder}.hubkiln-new"
    clear(new)
    try:
        for parent, folders, files in walk(source):
            below = os.path.normpath(os.path.join(new, os.path.relpath(parent, source)))
            os.makedirs(below, exist_ok=True)
            for name in [
                one for one in folders if git_dir(os.path.join(parent, one)) or (one == ".git" and parent == source)
            ]:
                folders.remove(name)
                if name != ".git":
                    os.makedirs(os.path.join(below, name))
            links = [name for name in folders if os.path.islink(os.path.join(parent, name))]
            for name in (*files, *links):
                if (name, parent) != (".git", source):
                    copy(os.path.join(parent, name), os.path.join(below, name))
        kept = git_dir(source)
        assert kept is not None
        shutil.copytree(
            kept, os.path.join(new, ".git"), symlinks=True, ignore=shutil.ignore_patterns("modules", "*.lock")
        )
        made_own(os.path.join(new, ".git"), new)
        with contextlib.suppress(FileNotFoundError):
            os.rmdir(folder)
        os.rename(new, folder)
    finally:
        clear(new)


def made_own(place: str, folder: str) -> None:
    """Make a copied repository one that can be updated: writable, with no path to elsewhere, its version remembered."""
    for parent, folders, files in walk(place):
        for name in (*folders, *files):
            path = os.path.join(parent, name)
            if not os.path.islink(path):
                os.chmod(path, os.stat(path).st_mode | (0o700 if name in folders else 0o200))
    git = Git(place, folder)
    git.maybe("config", "--file", os.path.join(place, "config"), "--unset-all", "core.worktree")
    if commit := git.commit("HEAD"):
        git("update-ref", BASE, commit)
