"""``hubkiln env``: environments that were built: listed, put in other tools' words, made again from their locks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import click

from hubkiln.assembly import Workshop, open_workshop
from hubkiln.builds import BuildRequest
from hubkiln.cli.building import on_the_command_line, run_to_end
from hubkiln.cli.display import Display
from hubkiln.cli.options import check_target, data_dir_option, open_data_dir
from hubkiln.cli.plain_lines import echo
from hubkiln.conventions import (
    ADDED_LABEL,
    AS_OF_LABEL,
    BASE_DIGEST,
    BASE_NAME,
    COMMIT_LABEL,
    GROUND_LABEL,
    LOCK_LABEL,
    PYTHON_LABEL,
    SOURCE_LABEL,
    SUBDIR_LABEL,
)
from hubkiln.errors import NotFound
from hubkiln.exporting import exported, label, labels_of
from hubkiln.exports import FORMATS, Exported
from hubkiln.local_images import LocalImage, LocalImages, is_local


@click.group()
def env() -> None:
    """Environments that were built."""


@env.command("list")
@data_dir_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array instead.")
def list_(as_json: bool, data_dir: Path | None) -> None:
    """List the images on this machine, the last used first: of which repository they are and what runs them."""
    found = LocalImages(open_data_dir(data_dir).own("images/documents")).kept()
    if as_json:
        click.echo(json.dumps([{"image": name, "used": used, **facts(image)} for name, image, used in found]))
        return
    for name, image, used in found:
        said = facts(image)
        at = f" at {said['commit'][:12]}" if said["commit"] else ""
        kind = f"Python {said['python']}" if said["python"] else "an image of its own"
        echo(name)
        echo(f"  {said['source'] or said['name']}{at}, {kind}, used {datetime.fromtimestamp(used):%Y-%m-%d %H:%M}")
    if not found:
        echo("No image is on this machine yet. Build one: hubkiln build SPEC", err=True)


def facts(image: LocalImage) -> dict[str, str]:
    """What `image` says of itself; a value is empty where it does not."""
    labels = dict(image.labels)
    named = {"source": SOURCE_LABEL, "commit": COMMIT_LABEL, "folder": SUBDIR_LABEL, "python": PYTHON_LABEL}
    return {"name": image.name} | {name: labels.get(label, "") for name, label in named.items()}


@env.command("export")
@data_dir_option
@click.option("--format", "kind", type=click.Choice(list(FORMATS)), default="lock", show_default=True)
@click.argument("what", metavar="IMAGE_OR_SPEC")
def export(what: str, kind: str, data_dir: Path | None) -> None:
    """Print an environment as a lock, a Dockerfile, a command for Podman or Apptainer, or an SBOM (CycloneDX)."""

    async def work() -> str:
        async with open_workshop(open_data_dir(data_dir), on_the_command_line()) as workshop:
            found = await exported(workshop, what) if is_image(what) else await built_before(workshop, what)
            return FORMATS[kind](found)

    click.echo(run_to_end(work()), nl=False)


@env.command("rebuild")
@data_dir_option
@click.option("--push", metavar="REGISTRY/NAME[:TAG]", help="Push the image there. [default: keep it here]")
@click.option("--base-image", metavar="REF", help="Base image. [default: the one that IMAGE had]")
@click.argument("image")
def rebuild(image: str, push: str | None, base_image: str | None, data_dir: Path | None) -> None:
    """Make the environment of IMAGE again from the lock that it had: the same packages, so the same digest."""
    check_target(push)

    async def work() -> str:
        async with open_workshop(open_data_dir(data_dir), on_the_command_line()) as workshop:
            labels = await labels_of(workshop, image)
            source, commit = label(labels, SOURCE_LABEL, image), label(labels, COMMIT_LABEL, image)
            spec = workshop.repositories.parse(source, commit, subdir=labels.get(SUBDIR_LABEL) or "")
            request = BuildRequest(
                spec=replace(spec, packages=labels.get(ADDED_LABEL) or ""),
                as_of=labels.get(AS_OF_LABEL) or "today",
                push=push,
                base_image=base_image or labels.get(BASE_NAME) or labels.get(BASE_DIGEST) or old_base(labels),
                lock=label(labels, LOCK_LABEL, image),
            )
            with Display() as display:
                return (await workshop.pipeline.build(request, display)).image

    click.echo(run_to_end(work()))


def old_base(labels: Mapping[str, str]) -> str | None:
    """The base of an image that was made before images named theirs."""
    ground = labels.get(GROUND_LABEL, "")
    return ground if ground.startswith("sha256:") else None


def is_image(text: str) -> bool:
    """Whether `text` is an image's reference: images are printed by digest, repositories never are."""
    return is_local(text) or "@sha256:" in text


async def built_before(workshop: Workshop, text: str) -> Exported:
    """
    The packages of a repository's last build.

    Raises:
        NotFound: it was not built here.
    """
    request = BuildRequest(spec=workshop.repositories.parse(text, None))
    with Display() as display:
        found = await workshop.pipeline.dry_run(request, display)
    if found.lock is None:
        raise NotFound(f"{text} was not built on this machine.", hint=f"Build it first: hubkiln build {text}")
    return Exported(image="", lock=found.lock, labels=dict(found.labels))
