"""Alembic's entry: runs the migrations on the connection, and in the transaction, that storage.migrate opened."""

from alembic import context

from storage.tables import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
context.run_migrations()
