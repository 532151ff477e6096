"""JupyterHub as ``hubkiln up`` starts it: ``python -m hubkiln.up.hub`` does as ``python -m jupyterhub``, but sooner.

The checker of international addresses in JSON schemas prepares its grammar whenever it is imported, which takes
longer than everything of ours; nothing that a hub checks has such an address.

It also tells who started it what it is, for the configuration of an admin may have made it another hub.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]  # jsonschema does without
    from jupyterhub import app

    from hubkiln.up.running import running_hub
    from hubkiln.up.settings import HubSettings

    class JupyterHub(app.JupyterHub):  # type: ignore[misc]
        """Of the same name, which stands in its log and in configurations."""

        async def start(self) -> Any:
            """JupyterHub's, once it is told what starts."""
            told = HubSettings.read(Path(os.environ["HUBKILN_UP"]))
            running_hub(self, told.password).write(Path(told.running))
            return await super().start()

    JupyterHub.launch_instance()
