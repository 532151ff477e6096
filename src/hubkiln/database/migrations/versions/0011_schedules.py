"""What is built at certain times."""

import sqlalchemy as sa
from alembic import op

from hubkiln.database.columns import Json, Moment

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing was before."""
    op.create_table(
        "schedules",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("request", Json(), nullable=False),
        sa.Column("times", sa.String(length=120), nullable=False),
        sa.Column("keep", sa.Boolean(), nullable=False),
        sa.Column("author", sa.String(length=255), nullable=False),
        sa.Column("created", Moment(), nullable=False),
        sa.Column("due", Moment(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("build", sa.String(length=32), nullable=True),
        sa.Column("last_build", sa.String(length=32), nullable=True),
        sa.Column("last_phase", sa.String(length=16), nullable=True),
        sa.Column("last_at", Moment(), nullable=True),
        sa.Column("problem", Json(), nullable=True),
        sa.Column("image", sa.String(length=1024), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schedules")),
    )
    op.create_index(op.f("ix_schedules_due"), "schedules", ["due"])
