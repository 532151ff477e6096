"""${message}."""

import sqlalchemy as sa
from alembic import op

from hubkiln.database.columns import Json, Moment

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forwards only: an older service refuses a newer database."""
    ${upgrades if upgrades else "pass"}
