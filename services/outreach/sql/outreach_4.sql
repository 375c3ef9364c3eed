-- What programs were answered, by their idempotency keys. {app} is the application role, {staff}
-- that of people and programs at work.

-- Kept for a day. An answer names no person, and leads to one only as its task, contact or measure does.
CREATE TABLE idempotency_key (
    -- SHA-256 of who, municipality and key
    key_hash bytea PRIMARY KEY,
    municipality text NOT NULL,
    who text NOT NULL,
    -- SHA-256 of the request
    request_digest bytea NOT NULL,
    answer jsonb,
    at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX idempotency_key_age ON idempotency_key (at);

ALTER TABLE idempotency_key ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY of_app ON idempotency_key TO {app} USING (true);

-- Nobody is answered with what another was.
CREATE POLICY of_staff ON idempotency_key TO {staff} USING (
    municipality = current_setting('kaa.municipality', true) AND who = current_setting('kaa.who', true)
);

GRANT SELECT, DELETE ON idempotency_key TO {app};

GRANT SELECT, INSERT, UPDATE ON idempotency_key TO {staff};
