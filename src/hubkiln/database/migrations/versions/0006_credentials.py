"""Tokens of users, encrypted, where all replicas have them."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """They lay in files of one machine before."""
    op.create_table(
        "credentials",
        sa.Column("owner", sa.String(length=128), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("owner", name=op.f("pk_credentials")),
    )
