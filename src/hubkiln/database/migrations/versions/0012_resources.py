"""The resources that an environment keeps, and those that a build was asked for with."""

import sqlalchemy as sa
from alembic import op

from hubkiln.database.columns import Json

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """None were before."""
    op.add_column("build_users", sa.Column("resources", Json(), nullable=True))
    op.add_column("environments", sa.Column("resources", Json(), nullable=True))
