"""A form that takes the next task gives one task, however often it is sent."""

from servicekit.migrate import run_sql

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    run_sql("services.outreach.sql", "outreach_10.sql")
