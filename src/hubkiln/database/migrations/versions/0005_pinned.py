"""Environments of which every version is kept."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """None was before."""
    op.add_column("environments", sa.Column("pinned", sa.Boolean(), nullable=False, server_default="0"))
