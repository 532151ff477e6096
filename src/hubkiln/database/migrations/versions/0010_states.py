"""What a list of environments tells of each: its state, its size, how many packages; and versions of other specs."""

import sqlalchemy as sa
from alembic import op

from hubkiln.database.columns import Json, Moment
from hubkiln.keys import digest

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Images are looked at when they are listed; builds of before tell of no environment whether it is being built."""
    op.add_column("build_users", sa.Column("wants", sa.String(length=64), nullable=True))
    op.create_index("ix_build_users_user_wants", "build_users", ["user", "wants"])
    op.add_column("environments", sa.Column("wants", sa.String(length=64), nullable=True))
    op.add_column("environments", sa.Column("awaits", sa.String(length=64), nullable=True))
    op.add_column("environment_images", sa.Column("packages", sa.Integer(), nullable=True))
    op.add_column("environment_images", sa.Column("gone", sa.Boolean(), server_default="0", nullable=False))
    op.add_column("environment_images", sa.Column("looked", Moment(), nullable=True))
    op.add_column("environment_images", sa.Column("spec", Json(), nullable=True))
    table = sa.table("environments", sa.column("id"), sa.column("spec", Json()), sa.column("wants"))
    connection = op.get_bind()
    for row in connection.execute(sa.select(table.c.id, table.c.spec)).all():
        wants = digest([row.spec[name] for name in ("provider", "repository", "subdir", "ref")])
        connection.execute(table.update().where(table.c.id == row.id).values(wants=wants))
