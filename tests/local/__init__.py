"""The local stack: Apache Kafka and PostgreSQL started, stopped, killed and found again without Docker."""
