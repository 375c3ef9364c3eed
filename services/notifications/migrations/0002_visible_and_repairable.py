"""Dead letters for people, receipts for organisers, retention."""

from servicekit.migrate import run_sql

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    run_sql("servicekit.sql", "messaging_2.sql")
    run_sql("servicekit.sql", "inbox_2.sql")
