raise SystemExit("pyproject.toml counts, not this")
