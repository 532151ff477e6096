"""``hubkiln up``: what this machine can and cannot do, and what to do about it."""

import click


@click.command()
def up() -> None:
    """x"""
