"""What is reserved stands in the team's list, in its order."""

from servicekit.migrate import run_sql

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    run_sql("services.outreach.sql", "outreach_13.sql")
