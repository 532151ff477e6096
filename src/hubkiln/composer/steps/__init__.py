"""What must be run to make an environment: Debian packages, `postBuild`, and wheels from sources; each in a sandbox."""
