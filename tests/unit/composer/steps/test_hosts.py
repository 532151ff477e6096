"""Where packages come from, as hosts."""

from __future__ import annotations

from pathlib import Path

from hubkiln.composer.steps.hosts import apt_hosts, index_hosts
from hubkiln.data_dir import DataDir
from hubkiln.egress.allowed import Host


def test_an_index_is_its_host_and_port() -> None:
    """The public one keeps its files elsewhere; a private one may lie inside."""
    assert index_hosts("http://10.0.0.1:3141/root/simple") == (Host(name="10.0.0.1", port=3141, inside=True),)
    assert [str(host) for host in index_hosts("https://pypi.org/simple")] == [
        "pypi.org:443",
        "files.pythonhosted.org:443",
    ]
    assert index_hosts("/a/folder") == ()


def test_debian_mirrors_are_read_from_the_image(tmp_path: Path) -> None:
    """Both forms, comments left out; never with the right to lie inside, because anybody may name an image."""
    data = DataDir(tmp_path).make()
    apt = data.images / "layers/base/etc/apt"
    (apt / "sources.list.d").mkdir(parents=True)
    (apt / "sources.list").write_text(
        "# deb http://old.example/ x main\ndeb [signed-by=/x.gpg] http://deb.example/debian bookworm main\n"
    )
    (apt / "sources.list.d/more.sources").write_text(
        "Types: deb\nURIs: https://secure.example:8443/d\nSuites: bookworm\n"
    )
    (apt / "sources.list.d/off.disabled").write_text("deb http://off.example x main\n")
    assert apt_hosts(data, ["base"]) == (
        Host(name="deb.example", port=80),
        Host(name="secure.example", port=8443),
    )


def test_a_link_out_of_the_image_is_not_followed(tmp_path: Path) -> None:
    """What is read is what the image has at that place."""
    data = DataDir(tmp_path / "data").make()
    apt = data.images / "layers/base/etc/apt"
    apt.mkdir(parents=True)
    (tmp_path / "outside").write_text("deb http://outside.example x main\n")
    (apt / "sources.list").symlink_to(tmp_path / "outside")
    assert apt_hosts(data, ["base"]) == ()
