"""What pages that show many persons ask for, without a look at each."""

from servicekit.migrate import run_sql

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    run_sql("services.outreach.sql", "outreach_8.sql")
