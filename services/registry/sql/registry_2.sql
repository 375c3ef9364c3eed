-- Retention of the log. {app} is the application role.

CREATE INDEX event_log_received ON event_log USING brin (received_at);

GRANT DELETE ON event_log TO {app};
