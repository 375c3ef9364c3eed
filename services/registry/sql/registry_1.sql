-- The registry's own tables. {app} is the application role.

-- The day on which the register stands. Only the scheduler moves it, only forward.
CREATE TABLE business_day (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    day date NOT NULL
);

-- before anything: the scheduler moves it to the calendar's day, a simulation to its own
INSERT INTO business_day (day) VALUES ('1900-01-01');

-- The event log: every accepted event, flat, without contact data; it is the inbox too. A row without digest is
-- only named: an event took it back before it arrived. source and id compare by bytes, in one order everywhere.
CREATE TABLE event_log (
    source text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    taken_back boolean NOT NULL DEFAULT false,
    digest bytea,
    topic text,
    partition integer,
    "offset" bigint,
    received_at timestamptz,
    type text,
    time timestamptz,
    names text,
    identity_number text COLLATE "C",
    on_day date,
    school_unit text,
    school_form text,
    study_path text,
    outcome text,
    municipality text,
    birth_date date,
    registered_in_sweden_on date,
    previous_identity_number text COLLATE "C",
    protection text,
    given_name text,
    family_name text,
    PRIMARY KEY (source, id)
) WITH (autovacuum_vacuum_insert_scale_factor = 0.05);

CREATE INDEX event_log_of_person ON event_log (identity_number)
    WHERE NOT taken_back AND digest IS NOT NULL;

-- Contact data, apart from the log: one row for each statement of it that may still count.
CREATE TABLE contact (
    source text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    identity_number text COLLATE "C" NOT NULL,
    time timestamptz NOT NULL,
    street text,
    postal_code text,
    city text,
    email text,
    phones text[],
    PRIMARY KEY (source, id)
);

CREATE INDEX contact_of_person ON contact (identity_number);

-- Everyone the log speaks of. The register in the law's sense is those who have an episode.
CREATE TABLE person (
    person_id uuid PRIMARY KEY,
    created bigint GENERATED ALWAYS AS IDENTITY,
    -- the number the person was first known by: she stays with it when a link of numbers is taken back
    anchor text COLLATE "C" NOT NULL,
    identity_number text COLLATE "C" NOT NULL,
    merged_into uuid,
    revision integer NOT NULL DEFAULT 0,
    digest bytea,
    published bytea,
    -- the next day on which time alone changes what is true of her
    wake_on date
) WITH (fillfactor = 70);

CREATE INDEX person_wakes ON person (wake_on) WHERE wake_on IS NOT NULL;

CREATE TABLE person_number (
    identity_number text COLLATE "C" PRIMARY KEY,
    person_id uuid NOT NULL
);

CREATE INDEX person_number_of_person ON person_number (person_id);

-- The whole timeline of coverage, past and to come; what has been told of it is in the last three columns.
CREATE TABLE episode (
    episode_id uuid PRIMARY KEY,
    person_id uuid NOT NULL REFERENCES person,
    municipality text NOT NULL,
    from_day date NOT NULL,
    to_day date NOT NULL,
    entry_reason text NOT NULL,
    exit_reason text NOT NULL,
    revision integer NOT NULL DEFAULT 0,
    -- as it was last told, in one text to compare with; null: not told, or taken back
    told text,
    published bytea,
    CHECK (from_day <= to_day)
);

CREATE INDEX episode_of_person ON episode (person_id);

CREATE INDEX episode_in_municipality ON episode (municipality, from_day);

GRANT SELECT ON business_day TO {app};

GRANT UPDATE (day) ON business_day TO {app};

GRANT SELECT, INSERT, UPDATE ON event_log TO {app};

GRANT SELECT, INSERT, DELETE ON contact TO {app};

GRANT SELECT, INSERT, UPDATE ON person TO {app};

GRANT SELECT, INSERT, UPDATE ON person_number TO {app};

GRANT SELECT, INSERT, UPDATE, DELETE ON episode TO {app};
