"""What environments stand on: this machine's own system, or a base image."""
