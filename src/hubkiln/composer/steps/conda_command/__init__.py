"""``conda`` and ``mamba`` for a ``postBuild``: what scripts ask of them, done by rattler in the environment there is.

Runs INSIDE the step with the environment's Python, so it imports the standard library, what is in the environment
(py-rattler, PyYAML) and itself, by relative names: :mod:`hubkiln.composer.steps.conda` packs this folder into one
file. What the environment has stays as it is: conda's packages are pinned, and a package that is there as a wheel is
not placed over it. What it does not know it refuses by name: a script must not go on with less than it asked for.
"""

from .command import do, main
from .refused import Refused

__all__ = ["Refused", "do", "main"]
