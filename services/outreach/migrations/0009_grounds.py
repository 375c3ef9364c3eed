"""The evidence for an entry into the register."""

from servicekit.migrate import run_sql

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    run_sql("services.outreach.sql", "outreach_9.sql")
