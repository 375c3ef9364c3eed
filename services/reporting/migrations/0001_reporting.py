"""Reporting's tables."""

from servicekit.migrate import run_sql

revision = "0001"
down_revision = None


def upgrade() -> None:
    run_sql("servicekit.sql", "messaging_1.sql")
    run_sql("servicekit.sql", "inbox_1.sql")
    run_sql("servicekit.sql", "access_log_1.sql")
    run_sql("services.reporting.sql", "reporting_1.sql")
