-- The notifications' own tables. {app} is the application role.

-- What schools stated of pupils, without names. A row without kind is only named: an event took it back before it
-- came, or it is of a kind that has no part in notices. source and id compare by bytes, in one order everywhere.
CREATE TABLE school_fact (
    source text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    taken_back boolean NOT NULL DEFAULT false,
    kind text,
    identity_number text COLLATE "C",
    school_unit text,
    organiser text,
    school_form text,
    on_day date,
    -- when the school wrote it down, and when it came to us
    recorded_at timestamptz,
    received_at timestamptz,
    PRIMARY KEY (source, id)
);

CREATE INDEX school_fact_of_pupil ON school_fact (identity_number) WHERE identity_number IS NOT NULL;

-- One row for each identity number that a fact or a person has: what batches about one pupil meet on.
CREATE TABLE pupil (
    identity_number text COLLATE "C" PRIMARY KEY
);

-- The notice of a fact: who is told, or why nobody is (yet).
CREATE TABLE notice (
    source text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    notice_id uuid NOT NULL UNIQUE,
    status text NOT NULL CHECK (status IN ('waiting', 'routing', 'own', 'registered', 'withdrawn')),
    municipality text,
    person_id uuid,
    -- counts what was told; 0: nothing yet
    revision integer NOT NULL DEFAULT 0,
    registered_at timestamptz,
    withdrawn_at timestamptz,
    PRIMARY KEY (source, id),
    FOREIGN KEY (source, id) REFERENCES school_fact,
    CHECK ((person_id IS NULL) = (revision = 0)),
    CHECK (status NOT IN ('registered', 'withdrawn') OR (municipality IS NOT NULL AND revision > 0))
) WITH (fillfactor = 80);

GRANT SELECT, INSERT, UPDATE, DELETE ON school_fact TO {app};

GRANT SELECT, INSERT, UPDATE, DELETE ON pupil TO {app};

GRANT SELECT, INSERT, UPDATE, DELETE ON notice TO {app};
