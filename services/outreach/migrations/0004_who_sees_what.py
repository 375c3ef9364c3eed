"""Row-level security by municipality, for the role of people at work; their logins and sessions."""

from servicekit.migrate import run_sql

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    run_sql("webkit.sql", "session_1.sql")
    run_sql("services.outreach.sql", "outreach_3.sql")
