"""``python -m hubkiln``."""

from hubkiln.cli import main

main()
