"""The backbone of a run as a column, whether its worker has heard of a stop, and the shape of an upload."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("backbone", sa.Text(), nullable=False, server_default=""))
    op.add_column("jobs", sa.Column("stop_heard", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_index("ix_jobs_backbone", "jobs", ["backbone"], unique=False)
    op.add_column("uploads", sa.Column("rows", sa.Integer(), nullable=True))
    op.add_column("uploads", sa.Column("columns", sa.JSON(), nullable=True))
    jobs = sa.table("jobs", sa.column("number"), sa.column("config", sa.JSON()), sa.column("backbone", sa.Text()))
    connection = op.get_bind()
    backbones = {
        number: str(config.get("backbone", ""))
        for number, config in connection.execute(sa.select(jobs.c.number, jobs.c.config))
    }
    for number, backbone in backbones.items():
        connection.execute(jobs.update().where(jobs.c.number == number).values(backbone=backbone))
