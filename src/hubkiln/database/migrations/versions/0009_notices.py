"""Who is to be told that a build has ended."""

import sqlalchemy as sa
from alembic import op

from hubkiln.database.columns import Moment

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nobody was told before."""
    op.create_table(
        "notices",
        sa.Column("build_id", sa.String(length=32), nullable=False),
        sa.Column("url", sa.String(length=1024), nullable=False),
        sa.Column("due", Moment(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("done", Moment(), nullable=True),
        sa.ForeignKeyConstraint(["build_id"], ["builds.id"], name=op.f("fk_notices_build_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("build_id", "url", name=op.f("pk_notices")),
    )
    op.create_index("ix_notices_done_due", "notices", ["done", "due"])
