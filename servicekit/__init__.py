"""What every service of KAA stands on: settings, logs, database, consumer, inbox, outbox, health and metrics."""
