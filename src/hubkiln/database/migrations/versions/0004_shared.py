"""What replicas know together: webhooks that were heard, and how often strangers asked."""

import sqlalchemy as sa
from alembic import op

from hubkiln.database.columns import Moment

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nobody was heard or counted before."""
    op.create_table(
        "deliveries",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("heard", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_deliveries")),
    )
    op.create_table(
        "visits",
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("asked", sa.Integer(), nullable=False),
        sa.Column("ends", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("address", name=op.f("pk_visits")),
    )
