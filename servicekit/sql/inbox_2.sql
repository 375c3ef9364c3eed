-- Retention. {app} is the application role.

CREATE INDEX inbox_received ON inbox USING brin (received_at);

GRANT DELETE ON inbox TO {app};
