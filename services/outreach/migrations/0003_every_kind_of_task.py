"""Tasks of every kind, contacts with corrections, measures, contact ways, notices of absence."""

from servicekit.migrate import run_sql

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    run_sql("services.outreach.sql", "outreach_2.sql")
