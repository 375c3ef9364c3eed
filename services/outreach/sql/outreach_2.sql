-- Outreach's second step: tasks of every kind, contacts with corrections, measures, contact ways, notices of absence,
-- routing. {app} is the application role.

ALTER TABLE episode
    -- the day on which it was first known here as open
    ADD COLUMN opened_on date,
    -- the day on which time alone may change what its case calls for
    ADD COLUMN look_on date,
    -- what its entry rests on, as last told: the schools' and the population feeds' facts, without any text of theirs
    ADD COLUMN grounds jsonb;

UPDATE episode SET look_on = (now() AT TIME ZONE 'Europe/Stockholm')::date, opened_on = coalesce(
    (SELECT min(task.opened_on) FROM task WHERE task.episode_id = episode.episode_id),
    (now() AT TIME ZONE 'Europe/Stockholm')::date
)
WHERE from_day IS NOT NULL AND to_day IS NULL;

CREATE INDEX episode_to_look_at ON episode (look_on) WHERE look_on IS NOT NULL;

ALTER TABLE task
    DROP CONSTRAINT task_episode_id_kind_key,
    DROP CONSTRAINT task_waits_for_check,
    -- early support follows from a notice, not from an episode
    ALTER COLUMN episode_id DROP NOT NULL,
    -- the ladder's step, and the channel it names
    ADD COLUMN step text NOT NULL DEFAULT 'inform',
    ADD COLUMN channel text,
    -- whether anybody has reached the person since the case began
    ADD COLUMN contacted boolean NOT NULL DEFAULT false,
    -- for whom it is reserved; the team's when nobody is named
    ADD COLUMN assigned_to text,
    -- given to nobody before this day
    ADD COLUMN snoozed_until date,
    -- of who holds it, the form with which she asked for the next task; empty for any other way of taking it
    ADD COLUMN taken_with bytea NOT NULL DEFAULT '',
    ADD COLUMN done_on date,
    ADD CHECK (waits_for IN ('person', 'routing', 'holder')),
    ADD CHECK ((kind = 'early_support') = (episode_id IS NULL));

ALTER TABLE task ALTER COLUMN step DROP DEFAULT;

UPDATE task SET done_on = coalesce(
    (SELECT max(at AT TIME ZONE 'Europe/Stockholm')::date FROM task_history AS h
     WHERE h.task_id = task.task_id AND happening = 'done'),
    opened_on
)
WHERE state = 'done';

ALTER TABLE task ADD CHECK ((done_on IS NOT NULL) = (state = 'done'));

DROP INDEX task_next;

-- What everybody may take, and what is reserved for somebody: nothing that is held, asleep or waiting stands before it.
CREATE INDEX task_next ON task (municipality, rank_on, contacted, since, task_id)
    WHERE state = 'open' AND waits_for IS NULL AND snoozed_until IS NULL AND leased_by IS NULL AND assigned_to IS NULL;

CREATE INDEX task_reserved ON task (municipality, assigned_to, rank_on, contacted, since, task_id)
    WHERE state = 'open' AND waits_for IS NULL AND snoozed_until IS NULL AND leased_by IS NULL
      AND assigned_to IS NOT NULL;

CREATE INDEX task_held ON task (municipality, leased_by) WHERE leased_by IS NOT NULL;

-- Where leases that have run out are found. What asks for them does not say that leased_by is not null: PostgreSQL then
-- read all that is held, by task_held.
CREATE INDEX task_lapsed ON task (municipality, leased_until) WHERE leased_until IS NOT NULL;

CREATE INDEX task_snoozed ON task (snoozed_until) WHERE snoozed_until IS NOT NULL;

-- What is put off, in the order of its list; by the day it is asked for once a day, by the timers.
CREATE INDEX task_asleep ON task (municipality, rank_on, contacted, since, task_id) WHERE snoozed_until IS NOT NULL;

-- What is reserved for anybody, in the order of the team's list: by the index of each worker's own, all that is reserved
-- was sorted for each page.
CREATE INDEX task_reserved_for_any ON task (municipality, rank_on, contacted, since, task_id)
    WHERE state = 'open' AND waits_for IS NULL AND snoozed_until IS NULL AND leased_by IS NULL
      AND assigned_to IS NOT NULL;

-- The follow-ups of a municipality that are in its queue, by the day they are due.
CREATE INDEX task_follow_up ON task (municipality, due_on) WHERE kind = 'follow_up' AND state = 'open';

-- Open only as long as who holds it does.
CREATE INDEX task_outlived ON task (task_id) WHERE waits_for = 'holder';

CREATE UNIQUE INDEX task_one_of_a_kind ON task (person_id, municipality, kind) WHERE state = 'open';

CREATE INDEX task_of_episode ON task (episode_id);

-- Locks all whom events are about, in one round trip: those they name, those whom these episodes and notices were about
-- until now (a task or a contact of hers changes too), and the episodes. Persons not heard of yet get an empty row, so
-- that two batches about one meet here. Each kind in one order, in which staff at work lock them too. Gives the calendar
-- day by this clock: processes whose own differ call for the same tasks.
CREATE FUNCTION meet(named uuid[], of_episodes uuid[], of_notices uuid[])
RETURNS TABLE (person_id uuid, purged boolean, today date)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    about uuid[] := ARRAY(
        SELECT unnest(named)
        UNION SELECT person_id FROM episode WHERE episode_id = ANY(of_episodes)
        UNION SELECT person_id FROM notice WHERE notice_id = ANY(of_notices)
    );
BEGIN
    INSERT INTO person (person_id, revision) SELECT met, 0 FROM unnest(about) AS met ORDER BY met
    ON CONFLICT DO NOTHING;
    RETURN QUERY
    SELECT person_id, purged, (now() AT TIME ZONE 'Europe/Stockholm')::date FROM person
    WHERE person_id = ANY(about) ORDER BY person_id FOR NO KEY UPDATE;
    PERFORM FROM episode WHERE episode_id = ANY(of_episodes) OR person_id = ANY(about)
    ORDER BY episode_id FOR NO KEY UPDATE;
END
$$;

-- Locks the next task of a municipality for a worker, passing over what others are just taking: what is reserved for the
-- worker, then what a lost worker held, then the team's. Each is the beginning of an index, however long the queue is.
CREATE FUNCTION next_task(of_municipality text, worker text) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    chosen bigint;
BEGIN
    SELECT task_id INTO chosen FROM task
    WHERE municipality = of_municipality AND assigned_to = worker AND state = 'open' AND waits_for IS NULL
      AND snoozed_until IS NULL AND leased_by IS NULL
    ORDER BY rank_on, contacted, since, task_id
    LIMIT 1
    FOR NO KEY UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        SELECT task_id INTO chosen FROM task
        WHERE municipality = of_municipality AND leased_until <= now()
          AND (assigned_to IS NULL OR assigned_to = worker) AND state = 'open' AND waits_for IS NULL
          AND snoozed_until IS NULL
        ORDER BY rank_on, contacted, since, task_id
        LIMIT 1
        FOR NO KEY UPDATE SKIP LOCKED;
    END IF;
    IF NOT FOUND THEN
        SELECT task_id INTO chosen FROM task
        WHERE municipality = of_municipality AND assigned_to IS NULL AND state = 'open' AND waits_for IS NULL
          AND snoozed_until IS NULL AND leased_by IS NULL
        ORDER BY rank_on, contacted, since, task_id
        LIMIT 1
        FOR NO KEY UPDATE SKIP LOCKED;
    END IF;
    RETURN chosen;
END
$$;

-- Locks this task of a municipality for a worker, also one that sleeps or is reserved for somebody.
CREATE FUNCTION this_task(of_municipality text, worker text, wanted bigint) RETURNS bigint
LANGUAGE sql AS $$
    SELECT task_id FROM task
    WHERE task_id = wanted AND municipality = of_municipality AND state = 'open' AND waits_for IS NULL
      AND (leased_until IS NULL OR leased_until <= now() OR leased_by = worker)
    FOR NO KEY UPDATE
$$;

-- Gives a worker a task whose row is locked: the lease, and its history. Gives the task's number.
CREATE FUNCTION lease_task(chosen bigint, worker text, lease interval, form bytea DEFAULT '') RETURNS bigint
STRICT LANGUAGE plpgsql AS $$
BEGIN
    WITH taken AS (
        UPDATE task SET leased_by = worker, leased_until = now() + lease, taken_with = form WHERE task_id = chosen
        RETURNING municipality, CASE WHEN old.leased_until <= now() THEN old.leased_by END AS lost_by
    )
    INSERT INTO task_history (task_id, municipality, happening, who, reason)
    SELECT chosen, municipality, 'released', lost_by, 'lease_expired' FROM taken WHERE lost_by IS NOT NULL
    UNION ALL SELECT chosen, municipality, 'claimed', worker, NULL FROM taken;
    RETURN chosen;
END
$$;

-- Gives her such a task and tells whom it is about, which goes to the access log. Each statement in here sees what
-- stands when it begins: so the person is read after the lock.
CREATE FUNCTION claim_task(chosen bigint, worker text, lease interval, look text)
RETURNS TABLE (
    task_id bigint, kind text, step text, channel text, due_on date, leased_until timestamptz, person_id uuid,
    identity_number text, given_name text, family_name text, birth_date date, protection text, entry_reason text,
    from_day date
)
STRICT LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    PERFORM lease_task(chosen, worker, lease);
    RETURN QUERY
    WITH shown AS (
        SELECT t.task_id, t.kind, t.step, t.channel, t.due_on, t.leased_until, p.person_id, p.identity_number,
               p.given_name, p.family_name, p.birth_date, p.protection, e.entry_reason, e.from_day, t.municipality
        FROM task AS t JOIN person AS p ON p.person_id = t.person_id
                       LEFT JOIN episode AS e ON e.episode_id = t.episode_id
        WHERE t.task_id = chosen
    ), logged AS (
        INSERT INTO access_log (who, action, person_id, municipality)
        SELECT worker, look, person_id, municipality FROM shown
    )
    SELECT task_id, kind, step, channel, due_on, leased_until, person_id, identity_number, given_name, family_name,
           birth_date, protection, entry_reason, from_day
    FROM shown;
END
$$;

-- Takes the next task of a municipality for a worker, once for a form: what she was given when she sent the same form
-- before, as long as it is in her hands. Of two sent at once one waits. It tells nothing but the number: whom the task is
-- about the page tells that it leads to, and logs the look. All of the transaction in one statement: what its arguments
-- set (called_by in servicekit/viewers.py) holds in here, and ends with it.
CREATE FUNCTION take_next_once(of_municipality text, worker text, registrar text, lease interval, form bytea)
RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    given bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(4611005, hashtext(encode(form, 'hex')));
    SELECT task_id INTO given FROM task
    WHERE municipality = of_municipality AND leased_by = worker AND leased_until > now() AND taken_with = form;
    IF NOT FOUND THEN
        given := lease_task(next_task(of_municipality, worker), worker, lease, form);
    END IF;
    RETURN given;
END
$$;

ALTER TABLE task_history DROP CONSTRAINT task_history_happening_check, ADD CHECK (happening IN (
    'opened', 'changed', 'claimed', 'released', 'reassigned', 'snoozed', 'woken', 'done', 'closed', 'reopened'
));

-- Contacts: whose and which revision stands; what was said in each revision is kept.
CREATE TABLE contact_revision (
    contact_id uuid NOT NULL REFERENCES contact ON DELETE CASCADE,
    revision integer NOT NULL CHECK (revision > 0),
    municipality text NOT NULL,
    on_day date NOT NULL,
    channel text NOT NULL,
    outcome text NOT NULL,
    occupation text,
    who text NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (contact_id, revision)
);

INSERT INTO contact_revision (contact_id, revision, municipality, on_day, channel, outcome, who)
SELECT contact_id, revision, municipality, on_day, channel, outcome, who FROM contact;

ALTER TABLE contact ADD COLUMN person_id uuid REFERENCES person;

UPDATE contact SET person_id = task.person_id FROM task WHERE contact.task_id = task.task_id;

ALTER TABLE contact
    -- a contact outlives the task it was made for: each goes with its person
    DROP CONSTRAINT contact_task_id_fkey,
    ADD FOREIGN KEY (task_id) REFERENCES task ON DELETE SET NULL,
    ALTER COLUMN person_id SET NOT NULL,
    ALTER COLUMN task_id DROP NOT NULL,
    DROP COLUMN on_day, DROP COLUMN channel, DROP COLUMN outcome, DROP COLUMN who;

CREATE INDEX contact_of_person ON contact (person_id, municipality);

-- Individual measures (individuella åtgärder), in the same way.
CREATE TABLE measure (
    measure_id uuid PRIMARY KEY,
    person_id uuid NOT NULL REFERENCES person,
    municipality text NOT NULL,
    revision integer NOT NULL
);

CREATE INDEX measure_of_person ON measure (person_id, municipality);

CREATE INDEX measure_of_municipality ON measure (municipality);

CREATE TABLE measure_revision (
    measure_id uuid NOT NULL REFERENCES measure ON DELETE CASCADE,
    revision integer NOT NULL CHECK (revision > 0),
    municipality text NOT NULL,
    kind text NOT NULL,
    content text NOT NULL,
    plan text,
    goal text,
    -- who answers for what
    person_does text,
    municipality_does text,
    others_do text,
    from_day date NOT NULL,
    to_day date,
    end_reason text,
    occupation_after text,
    follow_up_on date[] NOT NULL,
    -- [{"kind": …, "amount": whole kronor, "per": …}, …]
    support jsonb NOT NULL,
    -- never leaves outreach
    note text CHECK (length(note) <= 500),
    who text NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (measure_id, revision),
    CHECK ((to_day IS NULL) = (end_reason IS NULL) AND (occupation_after IS NULL OR to_day IS NOT NULL))
);

-- How persons can be reached. Nobody's while no case of hers is open, and never of a protected person (INV-11).
CREATE TABLE contact_way (
    person_id uuid PRIMARY KEY REFERENCES person,
    municipality text NOT NULL,
    phones text[] NOT NULL,
    email text,
    street text,
    postal_code text,
    city text
);

-- Schools' notices of absence (skollagen 15:15), as last told. They make no entry in the register.
CREATE TABLE notice (
    notice_id uuid PRIMARY KEY,
    revision integer NOT NULL,
    person_id uuid NOT NULL REFERENCES person,
    municipality text NOT NULL,
    school_unit text NOT NULL,
    standing boolean NOT NULL,
    heard_on date NOT NULL,
    -- the day on which a worker was done with it
    handled_on date
);

CREATE INDEX notice_of_person ON notice (person_id);

-- Who deals with a case of protected registration (skyddad folkbokföring), as a registrar has routed it; one without a
-- row here waits for its registrar.
CREATE TABLE routing (
    person_id uuid NOT NULL REFERENCES person,
    municipality text NOT NULL,
    worker text NOT NULL,
    since timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (person_id, municipality)
);

CREATE INDEX routing_of_worker ON routing (municipality, worker);

-- What was decided, when, by whom and why; only ever added to, and gone with the person.
CREATE TABLE routing_history (
    routing_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person_id uuid NOT NULL REFERENCES person,
    municipality text NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    -- ended: the protection was lifted, or the case was over
    happening text NOT NULL CHECK (happening IN ('routed', 'taken_back', 'ended')),
    worker text NOT NULL,
    who text NOT NULL,
    reason text CHECK (length(reason) BETWEEN 1 AND 200),
    CHECK ((reason IS NULL) = (happening = 'ended'))
);

CREATE INDEX routing_history_of_person ON routing_history (person_id, municipality);

-- Whose rows a municipality has: what search and overview ask for, and, of each person, row-level security. Without
-- these it reads the tables of all municipalities. Measured with 30,000 persons, 7,000 of them the municipality's: a
-- search by name 307 ms without, 82 ms with them. A claim changes none of the columns, and still writes into
-- task_persons, as into every index of the task's new row.
CREATE INDEX episode_persons ON episode (municipality, person_id);

CREATE INDEX task_persons ON task (municipality, person_id);

CREATE INDEX contact_persons ON contact (municipality, person_id);

CREATE INDEX notice_persons ON notice (municipality, person_id);

CREATE INDEX contact_revision_of_municipality ON contact_revision (municipality);

CREATE INDEX measure_revision_of_municipality ON measure_revision (municipality);

-- By which ladder a municipality's cases were last looked at; no persons.
CREATE TABLE ladder_used (
    municipality text PRIMARY KEY,
    digest text NOT NULL
);

GRANT SELECT, INSERT, UPDATE ON ladder_used TO {app};

GRANT UPDATE, DELETE ON contact TO {app};

GRANT SELECT, INSERT ON contact_revision TO {app};

GRANT SELECT, INSERT, UPDATE, DELETE ON measure TO {app};

GRANT SELECT, INSERT ON measure_revision TO {app};

GRANT SELECT, INSERT, UPDATE, DELETE ON contact_way TO {app};

GRANT SELECT, INSERT, UPDATE, DELETE ON notice TO {app};

GRANT SELECT, DELETE ON routing TO {app};

GRANT SELECT, INSERT, UPDATE (person_id), DELETE ON routing_history TO {app};
