"""The tables. A change here needs a migration beside it, and ``schema.sql`` made anew; tests compare the three."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, ForeignKey, Index, Integer, MetaData, String, Table, Text
from sqlalchemy import UniqueConstraint as Unique

from hubkiln.database.columns import Json, Moment

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

workers = Table(
    "workers",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("place", String(255), nullable=False),  # machine, boot and PID namespace: where the PID means something
    Column("pid", Integer, nullable=False),
    Column("started", String(32), nullable=False),  # start time of the PID, against reuse
    Column("beat", Moment, nullable=False),
    Column("slots", Integer, nullable=False, default=1, server_default="1"),  # builds that it runs at once
)
"""Live processes of the service; builds belong to the one that runs them."""

builds = Table(
    "builds",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("request", Json, nullable=False),
    Column("running_key", String(64), unique=True),  # digest of the request while it runs: two equal ones cannot
    Column("worker", String(32), index=True),  # who runs it; NULL when it waits or has ended
    Column("owner", String(255), nullable=False),
    Column("state", String(16), nullable=False, index=True),
    Column("created", Moment, nullable=False, index=True),
    Column("started", Moment),
    Column("finished", Moment),
    Column("commit", String(255)),
    Column("plan", String(64)),
    Column("why", Json),
    Column("built", Json),
    Column("error", Json),
    Column("seconds", Json),
    Column("log_bytes", BigInteger, nullable=False, default=0),
    Column("last_seq", Integer, nullable=False, default=0),
    Column("stop_asked", Boolean, nullable=False, default=False),
    Column("result_key", String(64), index=True),  # equal ones would come to the same image
    Column("attempts", Integer, nullable=False, default=0, server_default="0"),  # how often a worker began it
    Column("priority", Integer, nullable=False, default=0, server_default="0"),  # higher goes first
    Column("provider", String(64)),
    Column("repository", Text),
    Column("groups", Json),  # the owner's, when it was asked for
    Column("run_seconds", Float, nullable=False, default=0, server_default="0"),  # waiting not counted
)

build_users = Table(
    "build_users",
    metadata,
    Column("build_id", String(32), ForeignKey(builds.c.id, ondelete="CASCADE"), primary_key=True),
    Column("user", String(255), primary_key=True),
    Column("joined", Moment, nullable=False),
    Column("left", Boolean, nullable=False, default=False),
    Column("ref", String(512)),  # what this user calls the commit
    Column("wants", String(64)),  # digest of the repository, the folder and that ref
    Column("resources", Json),  # which this user chose with it
    Index("ix_build_users_user", "user"),
    Index("ix_build_users_user_wants", "user", "wants"),
)
"""Who asked for a build, the owner included; who left may still read it."""

build_events = Table(
    "build_events",
    metadata,
    Column("build_id", String(32), ForeignKey(builds.c.id, ondelete="CASCADE"), primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", Moment, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("data", Json),
    Column("text", Text),  # log text; NULL for other kinds
    Column("offset", BigInteger),  # of the text's first byte in the log
    Index("ix_build_events_build_id_offset", "build_id", "offset"),
)

locks = Table(
    "locks",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("recipe_key", String(255), nullable=False),
    Column("repository", String(1024), nullable=False),
    Column("digest", String(128), nullable=False),
    Column("text", Text, nullable=False),
    Column("created", Moment, nullable=False),  # when these packages were resolved, by whichever repository
    Column("kept", Moment, nullable=False),  # when this repository last used it
    Unique("recipe_key", "repository", "digest"),
)

environments = Table(
    "environments",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("owner", String(255), nullable=False),
    Column("identity", String(64), nullable=False),  # digest of provider, repository and subdir; of a copy another
    Column("wants", String(64)),  # digest of its repository, folder and ref
    Column("awaits", String(64)),  # the same of what was asked for it last, while that is not there
    Column("name", String(255), nullable=False),
    Column("description", Text, nullable=False, default=""),
    Column("spec", Json, nullable=False),
    Column("commit", String(255), nullable=False),
    Column("image", String(1024), nullable=False),
    Column("environment_key", String(255), nullable=False),
    Column("plan", String(64), nullable=False),
    Column("visibility", String(16), nullable=False),
    Column("created", Moment, nullable=False),
    Column("last_used", Moment, nullable=False),
    Column("pinned", Boolean, nullable=False, default=False, server_default="0"),  # all its versions are kept
    Column("shared_with", String(255)),  # the group that may use it, where one may
    Column("words", Text),  # lower case, what it is found by
    Column("resources", Json),  # a profile and its options, in the words of KubeSpawner
    Unique("owner", "identity"),
    Index("ix_environments_visibility", "visibility"),
)

environment_images = Table(
    "environment_images",
    metadata,
    Column("environment_id", String(32), ForeignKey(environments.c.id, ondelete="CASCADE"), primary_key=True),
    Column("image", String(1024), primary_key=True),
    Column("commit", String(255), nullable=False),
    Column("environment_key", String(255), nullable=False),
    Column("lock_digest", String(128), nullable=False),
    Column("plan", String(64), nullable=False),
    Column("built", Moment, nullable=False),
    Column("bytes", BigInteger),  # as if it shared nothing; NULL until somebody looked
    Column("packages", Integer),  # how many are in it
    Column("gone", Boolean, nullable=False, default=False, server_default="0"),
    Column("looked", Moment),  # when somebody looked last
    Column("spec", Json),  # what it was built of; NULL where that is the environment's own
    Index("ix_environment_images_image", "image"),
)
"""Every image an environment has had; a server that starts again with yesterday's image must still be known."""

rules = Table(
    "rules",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("pattern", Text, nullable=False),
    Column("allowed", Boolean, nullable=False),
    Column("reason", Text, nullable=False),
    Column("author", String(255), nullable=False),
    Column("created", Moment, nullable=False),
    Column("expires", Moment),
)
"""What an admin forbids or alone allows; see :mod:`hubkiln.builds.rules`."""

deliveries = Table(
    "deliveries",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("heard", Moment, nullable=False),
)
"""Webhooks that were heard; see :mod:`hubkiln.builds.deliveries`."""

visits = Table(
    "visits",
    metadata,
    Column("address", String(64), primary_key=True),
    Column("asked", Integer, nullable=False),
    Column("ends", Integer, nullable=False),  # of the window, in seconds since 1970
)
"""How often an address asked without a login; see :mod:`hubkiln.web.visitors`."""

credentials = Table(
    "credentials",
    metadata,
    Column("owner", String(128), primary_key=True),  # digest of the user's name
    Column("sealed", Text, nullable=False),
)
"""Tokens that users stored, encrypted; see :mod:`hubkiln.repositories.keyring`."""

occasions = Table(
    "occasions",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("pattern", Text, nullable=False),
    Column("limits", Json, nullable=False),
    Column("begins", Moment, nullable=False),
    Column("ends", Moment, nullable=False),
    Column("reason", Text, nullable=False),
    Column("author", String(255), nullable=False),
    Column("created", Moment, nullable=False),
)
"""Other limits for a time; see :mod:`hubkiln.builds.occasions`."""

launches = Table(
    "launches",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("owner", String(255), nullable=False),
    Column("at", Moment, nullable=False),
    Index("ix_launches_owner_at", "owner", "at"),
)
"""Starts of servers in the last day; see :mod:`hubkiln.builds.limits`."""

notices = Table(
    "notices",
    metadata,
    Column("build_id", String(32), ForeignKey(builds.c.id, ondelete="CASCADE"), primary_key=True),
    Column("url", String(1024), primary_key=True),
    Column("due", Moment, nullable=False),  # when it is to be tried next, once the build has ended
    Column("attempts", Integer, nullable=False, default=0, server_default="0"),
    Column("done", Moment),  # when it was told, or given up
    Index("ix_notices_done_due", "done", "due"),
)
"""Who is to be told that a build has ended; see :mod:`hubkiln.builds.notices`."""

schedules = Table(
    "schedules",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("request", Json, nullable=False),
    Column("times", String(120), nullable=False),  # as cron has them; empty for a push
    Column("keep", Boolean, nullable=False),
    Column("author", String(255), nullable=False),
    Column("created", Moment, nullable=False),
    Column("due", Moment, nullable=False, index=True),  # when something is to be done for it
    Column("attempts", Integer, nullable=False, default=0, server_default="0"),
    Column("build", String(32)),  # under way
    Column("last_build", String(32)),
    Column("last_phase", String(16)),
    Column("last_at", Moment),
    Column("problem", Json),
    Column("image", String(1024)),
)
"""What is built at certain times; see :mod:`hubkiln.builds.schedules`."""
