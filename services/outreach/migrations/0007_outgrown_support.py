"""Early support that ends by itself."""

from servicekit.migrate import run_sql

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    run_sql("services.outreach.sql", "outreach_6.sql")
