"""Puts the parts together: content, packages and sandbox become an image that can be run.

The layer above the packages that each do one thing, and below :mod:`hubkiln.pipeline`, which tells a whole build.
"""
