"""Whom a registrar has routed cases of protected registration to, and what was decided before."""

from servicekit.migrate import run_sql

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    run_sql("services.outreach.sql", "outreach_7.sql")
