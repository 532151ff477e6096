"""The queue: how often a build was begun, its priority, what limits count, and what an equal request would get."""

import sqlalchemy as sa
from alembic import op

from hubkiln.database.columns import Json

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Builds of before have been begun once, if they ran, and are of no use to equal requests."""
    op.add_column("builds", sa.Column("result_key", sa.String(length=64), nullable=True))
    op.add_column("builds", sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("builds", sa.Column("priority", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("builds", sa.Column("provider", sa.String(length=64), nullable=True))
    op.add_column("builds", sa.Column("repository", sa.Text(), nullable=True))
    op.add_column("builds", sa.Column("groups", Json(), nullable=True))
    op.add_column("builds", sa.Column("run_seconds", sa.Float(), nullable=False, server_default="0"))
    op.create_index(op.f("ix_builds_result_key"), "builds", ["result_key"], unique=False)
    op.create_index(op.f("ix_builds_state"), "builds", ["state"], unique=False)
    op.add_column("build_users", sa.Column("ref", sa.String(length=512), nullable=True))
    op.add_column("workers", sa.Column("slots", sa.Integer(), nullable=False, server_default="1"))
    op.drop_column("builds", "queue_position")  # asked of the queue, not kept
