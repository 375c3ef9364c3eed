-- Reporting's own tables. {app} is the application role.

-- What was received, in the order it was: a report is a function of a prefix of it (seq <= N). Rows are added, never
-- changed; only a purge removes them. seq ascends in the order of commits (see consumer.py), or a prefix would still
-- grow after it was read. Persons are kept without names and contact data: no report needs them.
CREATE TABLE received (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    type text NOT NULL,
    -- what the event is the state of, and the identity of that: it has the highest revision that was received
    about text NOT NULL CHECK (about IN ('person', 'episode', 'contact', 'measure')),
    entity_id uuid NOT NULL,
    revision bigint NOT NULL,
    person_id uuid NOT NULL,
    municipality text,
    data jsonb NOT NULL
) WITH (fillfactor = 100);

CREATE INDEX received_of_entity ON received (entity_id, revision DESC, id DESC);

CREATE INDEX received_of_person ON received (person_id);

CREATE INDEX received_in_municipality ON received (municipality, about) WHERE about <> 'person';

CREATE INDEX received_of_merged ON received (entity_id) WHERE about = 'person' AND data ? 'merged_into';

-- Persons that were purged: what comes about them later is not kept.
CREATE TABLE purged_person (
    person_id uuid PRIMARY KEY
);

GRANT SELECT, INSERT, DELETE ON received TO {app};

GRANT SELECT, INSERT ON purged_person TO {app};
