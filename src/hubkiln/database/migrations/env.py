"""Run by alembic: migrates over the connection that :func:`hubkiln.database.engine.upgrade` hands over."""

from alembic import context

from hubkiln.database.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=False)
context.run_migrations()
