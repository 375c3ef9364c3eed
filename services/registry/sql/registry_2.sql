-- Retention of the log.
CREATE INDEX event_log_received ON event_log USING brin (received_at);
