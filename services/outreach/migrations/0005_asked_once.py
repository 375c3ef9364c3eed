"""Answers to programs, by their idempotency keys."""

from servicekit.migrate import run_sql

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    run_sql("services.outreach.sql", "outreach_4.sql")
