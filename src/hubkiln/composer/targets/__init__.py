"""Where an environment is made: in this machine's stores, or in a registry."""
