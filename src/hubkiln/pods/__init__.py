"""Rooms of strangers' processes as pods of a Kubernetes cluster."""
