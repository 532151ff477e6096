"""A repository with a Dockerfile, to a pushed image: ours, and plain repo2docker with ``podman push``, in one run.

What a Dockerfile says takes the same time whoever asks; what is compared is everything around it. *Cold*: an empty
storage. *Nothing new*: the same commit again. *Notebook*: only a notebook changed, in a Dockerfile that copies the
repository last.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from compose import Tool, push_base, repository

from hubkiln.testing.docker_registry import DockerRegistry

BIN = Path(sys.executable).parent
SCENARIOS = ("cold", "nothing new", "notebook")
ULIMITS = "--ulimit nofile=1024:1024 --ulimit nproc=1000:1000"


def engine(folder: Path) -> dict[str, str]:
    """Podman with a storage of its own, as both are told to use it."""
    return {
        "HUBKILN_ENGINE": "podman",
        "HUBKILN_ENGINE_GLOBAL_ARGUMENTS": f"--root {folder}/storage --runroot {folder}/run --tmpdir {folder}/tmp",
        "HUBKILN_ENGINE_BUILD_ARGUMENTS": f"--isolation chroot --tls-verify=false {ULIMITS} {certificates()}",
        "HUBKILN_BUILD_ARGS": " ".join(f"{name}={os.environ[name]}" for name in named()),
    }


def certificates() -> str:
    """Where packages come over TLS that this machine trusts by a setting, the build must too."""
    found = os.environ.get("SSL_CERT_FILE")
    return f"--volume {found}:/etc/ssl/certs/ca-certificates.crt:ro" if found else ""


def named() -> list[str]:
    """Variables that a build gets."""
    return [name for name in ("PIP_INDEX_URL",) if name in os.environ]


def ours(folder: Path) -> Tool:
    """``hubkiln build --push``."""
    env = os.environ | engine(folder)

    def build(repo: Path, target: str) -> dict[str, Any]:
        words = [BIN / "hubkiln", "build", repo, "--data-dir", folder / "data", "--push", target, "--json"]
        done = subprocess.run(words, check=True, capture_output=True, text=True, env=env)
        result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return result

    return Tool("hubkiln", build)


def plain(folder: Path) -> Tool:
    """``repo2docker`` with the same engine, then a push."""
    told = engine(folder)
    before, build_words = (
        told["HUBKILN_ENGINE_GLOBAL_ARGUMENTS"].split(),
        told["HUBKILN_ENGINE_BUILD_ARGUMENTS"].split(),
    )
    config = folder / "repo2docker_config.json"
    engine_settings = {"command": "podman", "global_arguments": before, "build_arguments": build_words}
    config.write_text(json.dumps({"CliEngine": engine_settings}))

    def build(repo: Path, target: str) -> dict[str, Any]:
        words = [BIN / "jupyter-repo2docker", "--config", config, "--no-run", "--image-name", target]
        words += ["--engine", "hubkiln", "--user-id", "1000", "--user-name", "jovyan"]
        words += [word for name in named() for word in ("--build-arg", f"{name}={os.environ[name]}")]
        subprocess.run([*words, repo], check=True, capture_output=True, cwd=folder)
        subprocess.run(["podman", *before, "push", "--tls-verify=false", target], check=True, capture_output=True)
        return {}

    return Tool("repo2docker", build)


def dockerfile(base: str) -> str:
    """Packages first, the repository last, as everybody is told to write it."""
    return "\n".join(
        (
            f"FROM {base}",
            "USER 0",
            "ARG PIP_INDEX_URL",
            "ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt",
            "RUN python3 -m venv /opt/venv && /opt/venv/bin/pip install --no-cache-dir jupyterhub jupyterlab numpy",
            "ENV PATH=/opt/venv/bin:$PATH",
            "COPY --chown=1000:1000 . /home/jovyan/work",
            "USER 1000",
            "WORKDIR /home/jovyan",
            "",
        )
    )


def measure(tool: Tool, folder: Path, base: str, host: str) -> None:
    """Every scenario once."""
    (folder / "repo").mkdir(parents=True)
    subprocess.run(["git", "init", "-q", folder / "repo"], check=True)
    (folder / "repo/Dockerfile").write_text(dockerfile(base))
    repo = repository(folder, "repo", ())
    tool.timed("cold", repo, f"{host}/{tool.name}:1")
    tool.timed("nothing new", repo, f"{host}/{tool.name}:1")
    tool.timed("notebook", repository(folder, "repo", (), "{changed}"), f"{host}/{tool.name}:2")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", type=Path, required=True, help="OCI layout with base:bookworm (hubkiln base build)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hubkiln-bench-", ignore_cleanup_errors=True) as work:
        folder = Path(work)
        with DockerRegistry(folder / "registry") as registry:
            base = push_base(given.base, registry.host)
            tools = []
            for make in (ours, plain):
                place = folder / make.__name__
                place.mkdir()
                try:
                    tools.append(make(place))
                    measure(tools[-1], place, base, registry.host)
                finally:
                    overlay = place / "storage/overlay"
                    if overlay.is_mount():
                        subprocess.run(["umount", overlay], check=False)
    print(f"# A Dockerfile\n\n{platform.machine()}, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}\n")
    print("| scenario | hubkiln | repo2docker + podman push |\n|---|---|---|")
    for scenario in SCENARIOS:
        own, other = (tool.seconds[scenario][0] for tool in tools)
        print(f"| {scenario} | {own:.2f} s | {other:.2f} s ({other / own:.1f}×) |")


if __name__ == "__main__":
    main()
