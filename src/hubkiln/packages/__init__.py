"""Packages: interpreters, locks, the wheel store, merged environments; :class:`~.packages.Packages` is the one to use.

Nothing is imported here: a process that only unpacks wheels should start quickly.
"""
