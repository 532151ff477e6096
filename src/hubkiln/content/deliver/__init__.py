"""Brings a repository's files from the image to the user's home, then becomes the server.

Runs INSIDE the sandbox or image, with whatever Python and git are there and as the server's user, so it imports
nothing but the standard library (3.9 or newer) and itself, by relative names: :mod:`hubkiln.content.shipped` packs
this folder into one file. The rules are nbgitpuller's: what the user changed is never overwritten, what the repository
changed arrives, a file the user deleted comes back, and what of the user's is in the way of something new is renamed.
Whatever goes wrong is said, and the server starts anyway with the files at ``/srv/repo``.
"""

from .home import deliver
from .report import Report
from .start import bring_home, main

__all__ = ["Report", "bring_home", "deliver", "main"]
