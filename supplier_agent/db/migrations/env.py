"""Run by alembic: every migration runs in the transaction that migrations.upgrade opened."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], render_as_batch=True, transactional_ddl=False)
context.run_migrations()
