"""Notices of absence that are closed."""

from servicekit.migrate import run_sql

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    run_sql("services.outreach.sql", "outreach_5.sql")
