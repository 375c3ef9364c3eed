-- Faults made visible and repairable: dead letters for people, receipts for organisers, the age of what waits.
-- {app} is the application role.

-- event_id: where the record has a readable one, so that its sender can be told which. discarded_at: somebody decided
-- that it will take no effect; its content is gone then, its place stays accounted for.
ALTER TABLE dead_letter ADD COLUMN event_id text, ADD COLUMN discarded_at timestamptz;

CREATE INDEX dead_letter_received ON dead_letter (received_at);

-- What people and the retention did with dead letters; of a record it holds the place and the id. Only added to.
CREATE TABLE dead_letter_action (
    action_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    who text NOT NULL,
    why text NOT NULL,
    action text NOT NULL CHECK (action IN ('shown', 'replayed', 'discarded', 'expired')),
    -- of a replay: applied, duplicate, or the class under which the record was put aside again
    outcome text,
    -- the number that the dead letter has or had; none is given twice
    dead_letter_id bigint NOT NULL,
    topic text NOT NULL,
    partition integer NOT NULL,
    "offset" bigint NOT NULL,
    kind text NOT NULL,
    event_id text,
    received_at timestamptz NOT NULL
);

CREATE INDEX dead_letter_action_of_record ON dead_letter_action (topic, partition, "offset");

CREATE INDEX dead_letter_action_of_letter ON dead_letter_action (dead_letter_id);

ALTER TABLE outbox ADD COLUMN at timestamptz NOT NULL DEFAULT now();

-- How far each organiser's topic has been accounted for in receipts: what is delivered again is not counted again.
CREATE TABLE accounted (
    topic text NOT NULL,
    partition integer NOT NULL,
    "offset" bigint NOT NULL,
    PRIMARY KEY (topic, partition)
) WITH (fillfactor = 50);

-- For each organiser's topic and day (Europe/Stockholm) of arrival: how many records met which fate.
CREATE TABLE receipt (
    topic text NOT NULL,
    day date NOT NULL,
    applied bigint NOT NULL DEFAULT 0,
    repeated bigint NOT NULL DEFAULT 0,
    refused bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (topic, day)
) WITH (fillfactor = 50);

GRANT UPDATE, DELETE ON dead_letter TO {app};

GRANT SELECT, INSERT ON dead_letter_action TO {app};

GRANT SELECT, INSERT, UPDATE ON accounted TO {app};

GRANT SELECT, INSERT, UPDATE ON receipt TO {app};
