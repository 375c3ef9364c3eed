"""Sessions end without an ID token, and are forgotten also while nobody logs in."""

from servicekit.migrate import run_sql

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    run_sql("webkit.sql", "session_2.sql")
