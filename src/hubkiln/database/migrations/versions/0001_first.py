"""The first tables: builds with their events, locks, environments."""

import sqlalchemy as sa
from alembic import op

from hubkiln.database.columns import Json, Moment

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forwards only: an older service refuses a newer database."""
    op.create_table(
        "builds",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("request", Json(), nullable=False),
        sa.Column("running_key", sa.String(length=64), nullable=True),
        sa.Column("worker", sa.String(length=32), nullable=True),
        sa.Column("owner", sa.String(length=255), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("created", Moment(), nullable=False),
        sa.Column("started", Moment(), nullable=True),
        sa.Column("finished", Moment(), nullable=True),
        sa.Column("commit", sa.String(length=255), nullable=True),
        sa.Column("plan", sa.String(length=64), nullable=True),
        sa.Column("why", Json(), nullable=True),
        sa.Column("built", Json(), nullable=True),
        sa.Column("error", Json(), nullable=True),
        sa.Column("seconds", Json(), nullable=True),
        sa.Column("queue_position", sa.Integer(), nullable=True),
        sa.Column("log_bytes", sa.BigInteger(), nullable=False),
        sa.Column("last_seq", sa.Integer(), nullable=False),
        sa.Column("stop_asked", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_builds")),
        sa.UniqueConstraint("running_key", name=op.f("uq_builds_running_key")),
    )
    op.create_index(op.f("ix_builds_created"), "builds", ["created"], unique=False)
    op.create_index(op.f("ix_builds_worker"), "builds", ["worker"], unique=False)
    op.create_table(
        "environments",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("owner", sa.String(length=255), nullable=False),
        sa.Column("identity", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("spec", Json(), nullable=False),
        sa.Column("commit", sa.String(length=255), nullable=False),
        sa.Column("image", sa.String(length=1024), nullable=False),
        sa.Column("environment_key", sa.String(length=255), nullable=False),
        sa.Column("plan", sa.String(length=64), nullable=False),
        sa.Column("visibility", sa.String(length=16), nullable=False),
        sa.Column("created", Moment(), nullable=False),
        sa.Column("last_used", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_environments")),
        sa.UniqueConstraint("owner", "identity", name=op.f("uq_environments_owner_identity")),
    )
    op.create_index("ix_environments_visibility", "environments", ["visibility"], unique=False)
    op.create_table(
        "locks",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("recipe_key", sa.String(length=255), nullable=False),
        sa.Column("repository", sa.String(length=1024), nullable=False),
        sa.Column("digest", sa.String(length=128), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created", Moment(), nullable=False),
        sa.Column("kept", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_locks")),
        sa.UniqueConstraint("recipe_key", "repository", "digest", name=op.f("uq_locks_recipe_key_repository_digest")),
    )
    op.create_table(
        "workers",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("place", sa.String(length=255), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("started", sa.String(length=32), nullable=False),
        sa.Column("beat", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workers")),
    )
    op.create_table(
        "build_events",
        sa.Column("build_id", sa.String(length=32), nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("data", Json(), nullable=True),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("offset", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["build_id"], ["builds.id"], name=op.f("fk_build_events_build_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("build_id", "seq", name=op.f("pk_build_events")),
    )
    op.create_index("ix_build_events_build_id_offset", "build_events", ["build_id", "offset"], unique=False)
    op.create_table(
        "build_users",
        sa.Column("build_id", sa.String(length=32), nullable=False),
        sa.Column("user", sa.String(length=255), nullable=False),
        sa.Column("joined", Moment(), nullable=False),
        sa.Column("left", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["build_id"], ["builds.id"], name=op.f("fk_build_users_build_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("build_id", "user", name=op.f("pk_build_users")),
    )
    op.create_index("ix_build_users_user", "build_users", ["user"], unique=False)
    op.create_table(
        "environment_images",
        sa.Column("environment_id", sa.String(length=32), nullable=False),
        sa.Column("image", sa.String(length=1024), nullable=False),
        sa.Column("commit", sa.String(length=255), nullable=False),
        sa.Column("environment_key", sa.String(length=255), nullable=False),
        sa.Column("lock_digest", sa.String(length=128), nullable=False),
        sa.Column("plan", sa.String(length=64), nullable=False),
        sa.Column("built", Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["environment_id"],
            ["environments.id"],
            name=op.f("fk_environment_images_environment_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("environment_id", "image", name=op.f("pk_environment_images")),
    )
    op.create_index("ix_environment_images_image", "environment_images", ["image"], unique=False)
