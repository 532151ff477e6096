"""What ``hubkiln doctor`` finds."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from closed import NOT_ALLOWED, closed
from hubkiln.cli.doctor import base_image, examine, helpers, network, programs, run_steps, sandbox, system_calls, users
from hubkiln.cli.findings import State
from hubkiln.data_dir import DataDir
from hubkiln.errors import ServiceError
from hubkiln.folders import NOT_WRITABLE
from hubkiln.images.interface import Descriptor
from hubkiln.images.layout import OciLayout
from hubkiln.sandbox import Capability
from hubkiln.sandbox.interface import Outlook
from hubkiln.service import check_open


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        (
            {},
            "at most 30 min, 4 GiB of memory, 10 GiB of disk, 4096 processes; "
            "may reach public addresses and package indexes",
        ),
        (
            {"HUBKILN_STEP_SECONDS": "90", "HUBKILN_STEP_MEMORY": "512M", "HUBKILN_STEP_DISK": "none"},
            "at most 1.5 min, 0.5 GiB of memory, 4096 processes; may reach public addresses and package indexes",
        ),
        (
            {f"HUBKILN_STEP_{name}": "none" for name in ("SECONDS", "MEMORY", "DISK", "PROCESSES", "NETWORK")},
            "no limits; may reach nothing",
        ),
        (
            {"HUBKILN_STEP_NETWORK": "packages, *.example.org:443 10.0.0.0/8"},
            "may reach package indexes, *.example.org:443 and 10.0.0.0/8",
        ),
    ],
)
def test_what_run_steps_may_use(environ: dict[str, str], says: str) -> None:
    """The admin sees what is in force."""
    found = run_steps(environ)
    assert (found.state, found.says.endswith(says)) == (State.OK, True), found


@pytest.mark.parametrize(
    ("environ", "template", "says"),
    [
        ({}, "{}", "with at most 4 GiB of memory, 10 GiB of disk, 45 min with its pull; no limit of CPU; may"),
        ({}, "{resources: {limits: {cpu: 2}}}", "10 GiB of disk, 2 CPU, 45 min with its pull; may"),
        (
            {"HUBKILN_STEP_MEMORY": "none", "HUBKILN_STEP_SECONDS": "none"},
            "{}",
            "with at most 10 GiB of disk, 1440 min with its pull; no limit of memory and CPU; may",
        ),
    ],
)
def test_what_run_steps_in_pods_may_use(tmp_path: Path, environ: dict[str, str], template: str, says: str) -> None:
    """What their pods have, and no limit that a sandbox would have."""
    (tmp_path / "template.yaml").write_text(template)
    pods = {"HUBKILN_STEPS_IN": "pods", "HUBKILN_PODS_TEMPLATE": str(tmp_path / "template.yaml")}
    found = run_steps(environ | pods)
    assert found.state is State.OK and says in found.says and found.says.endswith("what its network policy lets it")


def test_settings_that_cannot_be_read_are_the_admins_to_mend() -> None:
    """Every build with a step would fail."""
    found = run_steps({"HUBKILN_STEP_MEMORY": "much"})
    assert found.state is State.BAD and "HUBKILN_STEP_MEMORY is 'much'" in found.says


def test_a_base_image_is_looked_for(tmp_path: Path) -> None:
    """Only what is tagged as one counts."""
    data = DataDir(tmp_path).make()
    assert base_image(data).state is State.NOTE
    layout = OciLayout(data.layers).make()
    described = Descriptor(media_type="application/json", digest=layout.put(b"{}"), size=2)
    layout.tag("other:1", described)
    assert base_image(data).state is State.NOTE
    layout.tag("base:bookworm", described)
    assert base_image(data).says.startswith("images stand on base:bookworm")


def test_the_filter_of_system_calls_is_told() -> None:
    """What an admin allows besides is named; a filter that is switched off is a note."""
    assert "Docker's default list" in system_calls(frozenset()).says
    assert "allows kcmp besides" in system_calls(frozenset({"kcmp"})).says
    assert system_calls(None).state is State.NOTE


def test_a_network_without_a_way_out_is_said_with_the_remedy() -> None:
    """Servers work all the same, so it is a note; where nothing is missing it is fine."""
    missing = network(Outlook(reason="slirp4netns is not installed.", hint="Install slirp4netns."))
    assert missing.state is State.NOTE and missing.says.endswith("not installed. Install slirp4netns.")
    assert network(Outlook(works=True)).state is State.OK


def test_a_container_that_shows_its_processes_is_told() -> None:
    """With the field that changes it; a sandbox that cannot be made says why."""
    shown = sandbox(Capability(works=True, processes_shown=True))
    assert shown.state is State.NOTE and "procMount: Unmasked" in shown.says
    assert sandbox(Capability(works=True)).state is State.OK
    assert sandbox(Capability(works=False, reason="No namespaces.")).says == "No namespaces."


def test_it_says_with_which_rights_things_are_unpacked() -> None:
    """Root's in full are worth a word, with the remedy."""
    assert helpers(is_root=False, walled=False).state is State.OK
    assert helpers(is_root=True, walled=True).state is State.OK
    bare = helpers(is_root=True, walled=False)
    assert bare.state is State.NOTE and "ordinary user" in bare.says
    rooted = helpers(is_root=True, walled=True, gives=False)
    assert rooted.state is State.NOTE and "unpacked by root" in rooted.says
    partly = helpers(is_root=True, walled=True, rooted=("git",))
    assert partly.state is State.NOTE and "git has root's rights" in partly.says


@pytest.fixture
def plain_disk(tmp_path: Path) -> Iterator[Path]:
    """A data folder on a file system whose files cannot be shown with another owner."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "ramfs", "none", folder], check=False).returncode != 0:
        pytest.skip("only root can mount one, where mounts are allowed")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def test_users_who_share_a_uid_are_told(plain_disk: Path) -> None:
    """With the remedy, where the hub is root but the disk does not let each have their own."""
    shared = users(DataDir(plain_disk / "data").make())
    assert shared.state is State.NOTE and "share the uid 64100" in shared.says and "ext4" in shared.says


def test_a_range_of_uids_that_is_none_is_to_be_mended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No hub would start."""
    monkeypatch.setenv("HUBKILN_USER_UIDS", "all")
    found = users(DataDir(tmp_path).make())
    assert found.state is State.BAD and "HUBKILN_USER_UIDS" in found.says


def test_whose_programs_environments_see_is_said(tmp_path: Path) -> None:
    """All of them is what an admin chose, and differs from images that are pushed."""
    data = DataDir(tmp_path).make()
    assert programs(data, all_programs=False).state is State.OK
    told = programs(data, all_programs=True)
    assert told.state is State.NOTE and "HUBKILN_HOST_PROGRAMS" in told.says


@pytest.mark.parametrize("name", ["", "images", "work", "leases", "hubkiln.sqlite"])
async def test_what_cannot_be_written_is_all_that_matters(tmp_path: Path, name: str) -> None:
    """It is named; health says so too, without a path, which is for everybody."""
    data = DataDir(tmp_path).make()
    (data.root / "leases").mkdir()
    data.database.touch()
    with closed(tmp_path / name):
        (found,) = await examine(data)
        with pytest.raises(ServiceError) as raised:
            await check_open(data)
    assert found.state is State.BAD
    assert any(f"{tmp_path / name} cannot be written: {why};" in found.says for why in NOT_ALLOWED)
    assert str(raised.value) == NOT_WRITABLE
    await check_open(data)
