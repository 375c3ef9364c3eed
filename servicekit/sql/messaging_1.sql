-- What every service that consumes and publishes needs. {app} is the application role.

-- Records that did not take effect, whole, so that nothing is lost; kept 90 days.
CREATE TABLE dead_letter (
    dead_letter_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic text NOT NULL,
    partition integer NOT NULL,
    "offset" bigint NOT NULL,
    kind text NOT NULL,
    field text,
    detail text NOT NULL,
    key bytea,
    value bytea,
    header_names text[] NOT NULL,
    header_values bytea[] NOT NULL,
    recorded_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (topic, partition, "offset")
);

-- Topics put on hold because bad records became the rule there; a row is deleted to resume.
CREATE TABLE paused_topic (
    topic text PRIMARY KEY,
    reason text NOT NULL,
    since timestamptz NOT NULL DEFAULT now()
);

-- What must be told; the relay publishes in order of seq and deletes what the broker acknowledged.
CREATE TABLE outbox (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic text NOT NULL,
    key bytea NOT NULL,
    value bytea
) WITH (
    autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_insert_scale_factor = 0.0, autovacuum_vacuum_cost_delay = 0
);

-- Whose turn it is to publish. One row.
CREATE TABLE relay_turn (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    holder uuid,
    until timestamptz NOT NULL DEFAULT '-infinity'
);

INSERT INTO relay_turn DEFAULT VALUES;

GRANT SELECT, INSERT ON dead_letter TO {app};

GRANT SELECT, INSERT, DELETE ON paused_topic TO {app};

GRANT SELECT, INSERT, DELETE ON outbox TO {app};

GRANT SELECT, UPDATE ON relay_turn TO {app};
