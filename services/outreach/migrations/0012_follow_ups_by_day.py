"""Follow-ups are found by the day they are due."""

from servicekit.migrate import run_sql

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    run_sql("services.outreach.sql", "outreach_12.sql")
