"""``hubkiln chart``: what Helm is to be given on Kubernetes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import yaml

from hubkiln.chart import HubPart, hub_values, merged
from hubkiln.errors import BadSpec


@click.group()
def chart() -> None:
    """Helm's values for a hub on Kubernetes."""


@chart.command()
@click.option(
    "--from",
    "ready",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="What the chart has ready, as Helm's notes get it; or have the same made by the next four.",
)
@click.option("--image", help="The service's image, as the chart has it: quay.io/org/hubkiln:0.1.0")
@click.option("--service", default="binder", show_default=True, help="The service's name in the hub.")
@click.option("--url", default="http://hubkiln", show_default=True, help="Where the hub finds the service.")
@click.option("--pull-secret", "secrets", multiple=True, metavar="NAME", help="Secret that servers pull with.")
@click.option(
    "--merge",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Your own values: printed with ours, lists too, of which Helm would take only the last file's.",
)
def values(
    ready: Path | None, image: str | None, service: str, url: str, secrets: tuple[str, ...], merge: Path | None
) -> None:
    """Print values for zero-to-jupyterhub with which its hub joins the build service.

    The chart has them ready in its ConfigMap hubkiln-z2jh-values; this is for whoever has lists of their own.
    """
    found = _read(ready) if ready is not None else _made(image, service, url, secrets)
    if merge is not None:
        found = merged(found, _read(merge))
    click.echo(yaml.dump(found, Dumper=_Blocks, sort_keys=False, width=120, allow_unicode=True), nl=False)


def _made(image: str | None, service: str, url: str, secrets: tuple[str, ...]) -> dict[str, Any]:
    if image is None:
        raise BadSpec(
            "Which values shall the hub get? Neither --from nor --image is given.",
            hint="Write --from hubkiln.yaml, with what the chart has ready; Helm's notes say how to get it.",
        )
    return hub_values(HubPart(image=image, service=service, url=url, pull_secrets=secrets))


def _read(path: Path) -> dict[str, Any]:
    try:
        found = yaml.safe_load(path.read_text())
    except OSError as error:
        raise BadSpec(f"{path} cannot be read: {error.strerror}.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadSpec(f"{path} is not YAML: {' '.join(str(error).split())[:200]}.") from error
    if found is not None and not isinstance(found, dict):
        raise BadSpec(f"{path} has no values in it, but a {type(found).__name__}.", hint="Write key: value.")
    return found or {}


class _Blocks(yaml.SafeDumper):
    """Writes texts of several lines as lines."""

    def represent_str(self, text: str) -> yaml.ScalarNode:
        """Of configuration, mostly Python."""
        return self.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Blocks.add_representer(str, _Blocks.represent_str)
