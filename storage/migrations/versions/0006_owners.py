"""An owner for each upload. Those of before belong to the one person of the studio, as their runs do."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # SQLite cannot change a primary key: the rows move into a new table.
    columns = ("sha256", "name", "bytes", "rows", "columns", "source", "created_at")
    op.create_table(
        "owned_uploads",
        sa.Column("owner", sa.String(length=255), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("bytes", sa.Integer(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=True),
        sa.Column("columns", sa.JSON(), nullable=True),
        sa.Column("source", sa.JSON(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("owner", "sha256"),
    )
    old, new = (sa.table(name, *map(sa.column, ("owner", *columns))) for name in ("uploads", "owned_uploads"))
    rows = sa.select(sa.literal(""), *(old.c[name] for name in columns))
    op.execute(new.insert().from_select(["owner", *columns], rows))
    op.drop_table("uploads")
    op.rename_table("owned_uploads", "uploads")
    op.create_index("ix_uploads_sha256", "uploads", ["sha256"], unique=False)
