"""Environments that a group may use, and found by words where there are many."""

import sqlalchemy as sa
from alembic import op

from hubkiln.database.columns import Json

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing was shared with a group; what was made of a private repository is shared with nobody."""
    op.add_column("environments", sa.Column("shared_with", sa.String(length=255), nullable=True))
    op.add_column("environments", sa.Column("words", sa.Text(), nullable=True))
    names = ("id", "name", "description", "owner", "visibility")
    table = sa.table("environments", *map(sa.column, names), sa.column("words"), sa.column("spec", Json()))
    connection = op.get_bind()
    for row in connection.execute(sa.select(table)).all():
        words = f"{row.name} {row.description} {row.spec['repository']} {row.owner}".lower()
        changed = {"words": words, "visibility": "private" if row.spec.get("reader") else row.visibility}
        connection.execute(table.update().where(table.c.id == row.id).values(**changed))
