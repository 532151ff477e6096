"""The ``conda`` command for a ``postBuild`` that calls it: one file, there for as long as the step runs."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from hubkiln.composer.steps.room import without_credentials
from hubkiln.packages import CondaSettings
from hubkiln.recipes import Recipe, calls_conda
from hubkiln.values import PREFIX

_MAIN = b"from conda_command import main\n\nmain()\n"
_GIVE = f"""\
folder=$(mktemp -d) && printf %s "$2" | base64 -d >"$folder/hubkiln-conda" && chmod u+x "$folder/hubkiln-conda" || exit
for name in conda mamba micromamba; do
  [ -e "/{PREFIX}/bin/$name" ] || ln -s hubkiln-conda "$folder/$name" || exit
done
export PATH="$folder:$PATH"
exec 9>&2
"""
"""
Before everything else on the path, but for what the environment has itself; in a folder that no image keeps. What it
could not do it says in the log too where a script sends its words away.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class CondaCommand:
    """What a step is given."""

    settings: CondaSettings
    channels: Sequence[str]
    """Those of the repository's ``environment.yml``."""
    as_of: datetime | None = None
    """The moment after which packages do not count; None for now."""

    @property
    def variable(self) -> str:
        """``HUBKILN_CONDA``: what the command goes by, without anybody's password."""
        allowed = self.settings.allowed_channels
        day = {"as_of": self.as_of.astimezone(UTC).isoformat()} if self.as_of else {}
        return json.dumps(
            {
                "host": without_credentials(self.settings.host),
                "channels": list(self.channels),
                "default_channels": list(map(_shown, self.settings.default_channels)),
                "allowed_channels": None if allowed is None else list(map(_shown, allowed)),
                "glibc": self.settings.glibc,
                "platform": "linux-64",
            }
            | day
        )

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where the admin lets packages come from."""
        return (self.settings.host, *(one for one in self.settings.allowed_channels or () if "://" in one))

    def argv(self, script: str, path: str) -> list[str]:
        """The command line that runs the shell's `script` on the file `path`, with the command there."""
        return ["sh", "-c", _GIVE + script, "sh", path, base64.b64encode(packed()).decode()]


def conda_for(
    script: Path, recipe: Recipe, settings: CondaSettings, as_of: datetime | None = None
) -> CondaCommand | None:
    """What the `script` of `recipe` is given, if it calls ``conda``; see :class:`CondaCommand` for `as_of`."""
    if not calls_conda(script.read_bytes()):
        return None
    return CondaCommand(settings=settings, channels=recipe.channels, as_of=as_of)


def _shown(channel: str) -> str:
    return without_credentials(channel) if "://" in channel else channel


@cache
def packed() -> bytes:
    """The command as one file that the environment's Python runs."""
    folder = Path(__file__).with_name("conda_command")
    files = {f"conda_command/{path.name}": path.read_bytes() for path in sorted(folder.glob("*.py"))}
    archived = io.BytesIO()
    with zipfile.ZipFile(archived, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in {"__main__.py": _MAIN, **files}.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return f"#!/{PREFIX}/bin/python\n".encode() + archived.getvalue()
