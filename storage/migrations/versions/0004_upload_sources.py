"""Where an upload comes from, when it was fetched from the Hub."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("uploads", sa.Column("source", sa.JSON(), nullable=True))
