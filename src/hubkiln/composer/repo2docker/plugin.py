"""An engine for repo2docker: builds with the command line of Podman, Buildah or Docker, whichever is there.

repo2docker's own engine asks for ``docker buildx``, which Podman 4 does not have. This one uses nothing but ``build``,
``push`` and ``inspect``. It is loaded by repo2docker (``repo2docker --engine hubkiln``), inside its process; the
builder's own way to start that is :mod:`hubkiln.composer.repo2docker.command`.
"""

from __future__ import annotations

import json
import os
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

from repo2docker.engine import BuildError, ContainerEngine, Image, ImageLoadError
from repo2docker.utils import execute_cmd
from traitlets import List, Unicode

from hubkiln.composer.repo2docker.engines import (
    auth_environment,
    kind_of,
    limit_arguments,
    pairs,
    push_target,
    write_auth,
)


class CliEngine(ContainerEngine):  # type: ignore[misc]
    """Builds and pushes with a ``podman``-like command."""

    string_output = True

    command = Unicode("podman", help="podman, buildah or docker, or the path of one.", config=True)
    global_arguments = List(Unicode(), help="Arguments before the subcommand, such as --root.", config=True)
    build_arguments = List(Unicode(), help="Further arguments of build, such as --isolation chroot.", config=True)
    push_arguments = List(Unicode(), help="Further arguments of push, such as --tls-verify=false.", config=True)

    def build(
        self,
        *,
        push: bool = False,
        buildargs: Mapping[str, str] | None = None,
        cache_from: Sequence[str] | None = None,
        container_limits: Mapping[str, Any] | None = None,
        tag: str = "",
        dockerfile: str = "",
        fileobj: IO[bytes] | None = None,
        path: str = "",
        labels: Mapping[str, str] | None = None,
        platform: str | None = None,
        **ignored: Any,
    ) -> Iterator[str]:
        """Build, and push if asked; yields the log line by line."""
        argv = [*self._base(), "build", *self._kind_arguments(cache_from or ())]
        argv += pairs("--build-arg", buildargs) + pairs("--label", labels) + limit_arguments(container_limits or {})
        argv += ["--tag", tag] if tag else []
        argv += ["--platform", platform] if platform else []
        argv += self.build_arguments
        with ExitStack() as stack:
            env = self._environment(stack)
            if fileobj is not None:
                path = stack.enter_context(tempfile.TemporaryDirectory(prefix="hubkiln-context-"))
                unpack(fileobj, path)
                dockerfile = dockerfile and str(Path(path) / dockerfile)
            argv += ["--file", dockerfile or str(Path(path) / "Dockerfile"), path]
            yield from told(argv, env, BuildError)
            if push:
                yield from told(
                    [*self._base(), "push", *self.push_arguments, *push_target(self._kind, tag)], env, ImageLoadError
                )

    def inspect_image(self, image: str) -> Image | None:
        """What the engine knows of `image`, or None if it has none."""
        argv = ["inspect", "--type", "image"] if self._kind == "buildah" else ["image", "inspect"]
        ended = subprocess.run([*self._base(), *argv, image], capture_output=True, text=True, check=False)
        if ended.returncode:
            return None
        found = json.loads(ended.stdout)
        if self._kind == "buildah":
            config = (found.get("OCIv1") or {}).get("config") or {}
            return Image(
                tags=[found["FromImage"]] if found.get("FromImage") else [], config={"WorkingDir": "", **config}
            )
        return Image(tags=found[0].get("RepoTags") or [], config={"WorkingDir": "", **(found[0].get("Config") or {})})

    @property
    def _kind(self) -> str:
        return kind_of(self.command)

    def _base(self) -> list[str]:
        return [self.command, *self.global_arguments]

    def _kind_arguments(self, cache_from: Sequence[str]) -> list[str]:
        """What differs from one to the other."""
        if self._kind == "docker":
            return ["--progress", "plain", *(word for image in cache_from for word in ("--cache-from", image))]
        return ["--layers", "--format", "oci"]  # their --cache-from wants a repository and not an image

    def _environment(self, stack: ExitStack) -> dict[str, str]:
        """Our environment, with the registry's credentials in a file that goes with `stack`."""
        if not (given := self.registry_credentials):
            return dict(os.environ)
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="hubkiln-auth-"))
        write_auth(Path(folder), given["registry"], given["username"], given["password"])
        env = {k: v for k, v in os.environ.items() if k != "CONTAINER_ENGINE_REGISTRY_CREDENTIALS"}
        return env | auth_environment(Path(folder))


def unpack(fileobj: IO[bytes], folder: str) -> None:
    """The build context that repo2docker wrote: links stay links, nothing leaves `folder`."""
    with tarfile.open(fileobj=fileobj) as tar:
        for member in tar:
            tar.extract(member, folder, filter=_kept)


def _kept(member: tarfile.TarInfo, folder: str) -> tarfile.TarInfo:
    """Symbolic links may point anywhere (the engine resolves them inside the context); all else as `tar_filter`."""
    return member if member.issym() else tarfile.tar_filter(member, folder)


def told(argv: Sequence[str], env: Mapping[str, str], failure: type[Exception]) -> Iterator[str]:
    """Run `argv`, yielding its lines; raises `failure` with the command's name and code when it fails."""
    try:
        yield from execute_cmd(list(argv), capture=True, env=dict(env))
    except subprocess.CalledProcessError as error:
        raise failure(f"{Path(argv[0]).name} ended with code {error.returncode}") from None
