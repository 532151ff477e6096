"""From an ``environment.yml`` with conda packages to a server that runs, with the real rattler, uv and sandbox."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conda_channel import PLACEHOLDER, File, Package, noarch_python, write_channel
from conda_python import python_package
from newcomer import hubkiln

pytestmark = [pytest.mark.sandbox, pytest.mark.network, pytest.mark.timeout(600)]

TOOL = Package(
    name="tool",
    version="2.0",
    depends=("python",),
    files=(
        File(
            path="bin/tool", data=f"#!{PLACEHOLDER}/bin/python\nprint('tool 2.0')\n".encode(), mode=0o755, prefix="text"
        ),
        File(
            path="bin/.tool-post-link.sh", data=b'echo "$PKG_NAME $PKG_VERSION" > "$PREFIX/share/linked"\n', mode=0o755
        ),
        File(path="share/tool", data=b"data"),
        File(path="etc/conda/activate.d/tool.sh", data=b'export TOOL_DATA="$CONDA_PREFIX/share"\n'),
    ),
)
# a version that the package index does not have: it is conda's, whatever the index says
FQDN = noarch_python("fqdn", "999.1")
HELPER = noarch_python("helper", "1.0")

YAML = """\
name: any
channels: [{url}]
dependencies:
  - tool
  - helper
  - fqdn
  - pip:
    - humanize==4.9.0
variables:
  FROM_RECIPE: set
"""


@pytest.fixture(scope="module")
def channel(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A channel with a Python that runs."""
    return write_channel(tmp_path_factory.mktemp("conda") / "channel", python_package(), TOOL, FQDN, HELPER)


@pytest.fixture
def repository(tmp_path: Path, channel: str) -> Path:
    folder = tmp_path / "repo"
    folder.mkdir()
    (folder / "environment.yml").write_text(YAML.format(url=channel))
    (folder / "show.py").write_text(SHOW)
    return folder


SHOW = """\
import importlib.metadata, json, os, subprocess, sys
import helper, humanize
names = "CONDA_PREFIX", "CONDA_DEFAULT_ENV", "VIRTUAL_ENV", "TOOL_DATA", "FROM_RECIPE"
print(json.dumps({
    "python": sys.executable,
    "prefix": sys.prefix,
    "humanize": importlib.metadata.version("humanize"),
    "fqdn": importlib.metadata.version("fqdn"),
    "fqdn folders": [name for name in os.listdir(os.path.dirname(humanize.__path__[0])) if name.startswith("fqdn-")],
    "tool": subprocess.run(["tool"], capture_output=True, text=True).stdout,
    "linked": open(sys.prefix + "/share/linked").read(),
    "compiled": os.path.exists(helper.__cached__),
    **{name: os.environ.get(name) for name in names},
}))
"""


def test_a_conda_environment_runs(repository: Path, channel: str, stacked: Path) -> None:
    """
    Conda's Python runs the server and the repository's code; wheels lie on top; what conda brought is left alone;
    post-link and activation scripts have done their work.
    """
    env = {"HUBKILN_CONDA_CHANNELS": channel}
    built = hubkiln("build", "--json", str(repository), data=stacked, env=env)
    assert built.returncode == 0, built.stderr
    result = json.loads(built.stdout.splitlines()[-1])
    assert result["plan"] == "compose"
    ran = hubkiln("run", str(repository), "--", "python", "show.py", data=stacked, env=env)
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout.splitlines()[-1])
    prefix = "/srv/conda/envs/notebook"
    assert found["prefix"] == prefix
    assert found["python"].startswith(f"{prefix}/bin/python")
    assert found["humanize"] == "4.9.0"
    assert found["fqdn"] == "999.1"
    assert found["fqdn folders"] == ["fqdn-999.1.dist-info"]
    assert found["tool"] == "tool 2.0\n"
    assert found["linked"] == "tool 2.0\n"
    assert found["compiled"]
    assert (found["CONDA_PREFIX"], found["CONDA_DEFAULT_ENV"], found["VIRTUAL_ENV"]) == (prefix, "notebook", None)
    assert found["TOOL_DATA"] == f"{prefix}/share"
    assert found["FROM_RECIPE"] == "set"
    again = json.loads(hubkiln("build", "--json", str(repository), data=stacked, env=env).stdout.splitlines()[-1])
    assert again["reused"]
    assert again["lock_digest"] == result["lock_digest"]
    assert again["image"] == result["image"]
