"""JupyterHub as ``hubkiln up`` starts it: ``python -m hubkiln.up.hub`` does as ``python -m jupyterhub``, but sooner.

The checker of international addresses in JSON schemas prepares its grammar whenever it is imported, which takes
longer than everything of ours; nothing that a hub checks has such an address.
"""

from __future__ import annotations

import sys

if __name__ == "__main__":
    sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]  # jsonschema does without
    from jupyterhub.app import main

    main()
