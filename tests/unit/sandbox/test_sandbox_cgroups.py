"""Control groups on folders that look like the kernel's; the integration tests use the real ones."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hubkiln.sandbox.cgroups import Cgroups, Group, detect
from hubkiln.values import Limits

LIMITS = Limits(memory_bytes=1000, cpus=1.5, processes=7)


def own(tmp_path: Path, text: str) -> Path:
    """A /proc/self/cgroup with `text`."""
    (tmp_path / "own").write_text(text)
    return tmp_path / "own"


def unified(tmp_path: Path, *, controllers: str = "cpu memory pids", path: str = "user.slice/x.scope") -> Path:
    """A version 2 tree in which `path` is ours."""
    folder = tmp_path / "root" / path
    folder.mkdir(parents=True)
    (tmp_path / "root/cgroup.controllers").write_text("cpu memory pids io")
    for name, text in (("controllers", controllers), ("procs", ""), ("subtree_control", "")):
        (folder / f"cgroup.{name}").write_text(text)
    return folder


def test_version_2_with_a_group_of_our_own(tmp_path: Path) -> None:
    """Controllers are handed down, and each sandbox gets one folder with all limits."""
    folder = unified(tmp_path)
    found = detect(tmp_path / "root", own(tmp_path, "0::/user.slice/x.scope\n"))
    assert (found.unified, found.reason) == (True, "")
    assert (folder / "cgroup.subtree_control").read_text() == "+cpu +memory +pids"
    group = found.make("a", LIMITS)
    assert group.folders == (folder / "hubkiln-a",)
    settings = {path.name: path.read_text() for path in group.folders[0].iterdir()}
    assert settings == {"memory.max": "1000", "memory.swap.max": "0", "cpu.max": "150000 100000", "pids.max": "7"}


def test_version_2_without_some_controllers(tmp_path: Path) -> None:
    """What was not delegated is named."""
    unified(tmp_path, controllers="memory pids")
    found = detect(tmp_path / "root", own(tmp_path, "0::/user.slice/x.scope\n"))
    assert set(found.parents) == {"memory", "pids"}
    assert "CPU" in found.reason
    assert "memory" not in found.reason


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_version_2_not_delegated(tmp_path: Path) -> None:
    """The reason says how to get it."""
    unified(tmp_path).chmod(0o555)
    found = detect(tmp_path / "root", own(tmp_path, "0::/user.slice/x.scope\n"))
    assert found.parents == {}
    assert "Delegate=yes" in found.reason


def test_version_2_gone(tmp_path: Path) -> None:
    """A path that cannot be seen, as in some containers, is a reason, not a crash."""
    unified(tmp_path)
    found = detect(tmp_path / "root", own(tmp_path, "0::/../elsewhere\n"))
    assert found.parents == {}
    assert found.reason


def test_version_1(tmp_path: Path) -> None:
    """Each controller has a tree of its own; ours is below our own group where that is to be seen."""
    for path in ("memory/ours", "cpu", "pids"):
        (tmp_path / "root" / path).mkdir(parents=True)
    found = detect(tmp_path / "root", own(tmp_path, "4:memory:/ours\n1:cpu,cpuacct:/\n8:pids:/hidden\n0::/\n"))
    assert found.parents == {
        "memory": tmp_path / "root/memory/ours",
        "cpu": tmp_path / "root/cpu",
        "pids": tmp_path / "root/pids",
    }
    group = found.make("a", LIMITS)
    assert (tmp_path / "root/memory/ours/hubkiln-a/memory.limit_in_bytes").read_text() == "1000"
    assert (tmp_path / "root/cpu/hubkiln-a/cpu.cfs_quota_us").read_text() == "150000"
    assert len(group.folders) == 3


def test_no_control_groups(tmp_path: Path) -> None:
    """Not enforced, and why."""
    assert "no control groups" in detect(tmp_path, tmp_path / "absent").reason
    assert detect(tmp_path, own(tmp_path, "")).reason


def test_without_any_a_group_does_nothing() -> None:
    """So callers need not ask."""
    group = Cgroups(reason="none").make("a", LIMITS)
    group.add(1)
    group.remove()
    assert (group.out_of_memory(), group.peak_memory()) == (False, None)


@pytest.mark.parametrize(("unified", "file"), [(True, "memory.events"), (False, "memory.oom_control")])
def test_out_of_memory_is_read(tmp_path: Path, unified: bool, file: str) -> None:
    """Only a kill counts."""
    group = Group((tmp_path,), unified)
    (tmp_path / file).write_text("oom 3\noom_kill 0\n")
    assert not group.out_of_memory()
    (tmp_path / file).write_text("oom 3\noom_kill 1\n")
    assert group.out_of_memory()
