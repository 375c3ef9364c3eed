-- Outreach's own tables. {app} is the application role.

-- Episodes of coverage as last told: the highest revision stands. Without its content an episode was withdrawn, or
-- is forgotten with its person; the revision stays, so that nothing earlier brings it back.
CREATE TABLE episode (
    episode_id uuid PRIMARY KEY,
    revision integer NOT NULL,
    person_id uuid NOT NULL REFERENCES person,
    municipality text,
    person_revision integer,
    from_day date,
    entry_reason text,
    to_day date,
    exit_reason text,
    CHECK (num_nulls(municipality, person_revision, from_day, entry_reason) IN (0, 4)),
    CHECK ((to_day IS NULL) = (exit_reason IS NULL) AND (to_day IS NULL OR from_day IS NOT NULL))
) WITH (fillfactor = 80);

CREATE INDEX episode_of_person ON episode (person_id);

-- The queue. Who holds a task is in the lease: a lost worker's runs out, and the task comes back.
CREATE TABLE task (
    task_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    episode_id uuid NOT NULL REFERENCES episode,
    kind text NOT NULL,
    person_id uuid NOT NULL REFERENCES person,
    municipality text NOT NULL,
    since date NOT NULL,
    opened_on date NOT NULL,
    due_on date NOT NULL,
    rank_on date NOT NULL,
    waits_for text CHECK (waits_for IN ('person', 'routing')),
    state text NOT NULL CHECK (state IN ('open', 'done', 'closed')),
    reason text,
    leased_by text,
    leased_until timestamptz,
    UNIQUE (episode_id, kind),
    CHECK ((reason IS NOT NULL) = (state = 'closed')),
    CHECK ((leased_by IS NULL) = (leased_until IS NULL) AND (leased_by IS NULL OR state = 'open'))
) WITH (
    -- room on the page for the row that a claim writes; it writes into the indexes too, since some ask who holds it
    fillfactor = 70,
    autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0
);

CREATE INDEX task_next ON task (municipality, rank_on, since, task_id) WHERE state = 'open' AND waits_for IS NULL;

CREATE INDEX task_routing ON task (task_id) WHERE state = 'open' AND waits_for = 'routing';

CREATE INDEX task_of_person ON task (person_id);

-- What happened to each task, when and by whom; only ever added to. It names no person, and leads to none once the
-- task is gone with hers.
CREATE TABLE task_history (
    history_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    task_id bigint NOT NULL,
    municipality text NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    happening text NOT NULL CHECK (happening IN ('opened', 'claimed', 'released', 'done', 'closed', 'reopened')),
    who text NOT NULL,
    reason text
);

CREATE INDEX task_history_of_task ON task_history (task_id);

-- Attempts to reach a person, and those that did. Whom: through the task, which follows her when persons merge.
CREATE TABLE contact (
    contact_id uuid PRIMARY KEY,
    task_id bigint NOT NULL REFERENCES task ON DELETE CASCADE,
    municipality text NOT NULL,
    revision integer NOT NULL,
    on_day date NOT NULL,
    channel text NOT NULL,
    outcome text NOT NULL,
    who text NOT NULL
);

CREATE INDEX contact_of_task ON contact (task_id);

GRANT SELECT, INSERT, UPDATE ON episode TO {app};

GRANT SELECT, INSERT, UPDATE, DELETE ON task TO {app};

GRANT SELECT, INSERT ON task_history TO {app};

GRANT SELECT, INSERT ON contact TO {app};
