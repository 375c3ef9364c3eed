-- What pages that show much of a municipality ask for, without a look at each row. {app} is the application role,
-- {staff} that of people and programs at work.

-- Contacts and measures with persons of protected registration, as in shielded_tasks(): ids and nothing else.
CREATE FUNCTION shielded_contacts() RETURNS SETOF uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public ROWS 10 AS $$
BEGIN
    RETURN QUERY
    SELECT contact_id FROM public.contact WHERE person_id = ANY(ARRAY(SELECT public.shielded()));
END
$$;

CREATE FUNCTION shielded_measures() RETURNS SETOF uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public ROWS 10 AS $$
BEGIN
    RETURN QUERY
    SELECT measure_id FROM public.measure WHERE person_id = ANY(ARRAY(SELECT public.shielded()));
END
$$;

REVOKE ALL ON FUNCTION shielded_contacts(), shielded_measures() FROM PUBLIC;

GRANT EXECUTE ON FUNCTION shielded_contacts(), shielded_measures() TO {staff}, {app};

CREATE POLICY of_shielded ON contact FOR SELECT TO CURRENT_USER USING (person_id IN (SELECT all_shielded()));

CREATE POLICY of_shielded ON measure FOR SELECT TO CURRENT_USER USING (person_id IN (SELECT all_shielded()));

-- A revision is of the municipality of its contact: read, it is judged by its own row and those few ids, else each cost
-- a look at its contact (the figures of 7,000 persons: 107 ms with these looks, 45 without). Written, it is still
-- checked that the contact is one of theirs.
ALTER POLICY of_staff ON contact_revision
USING (
    municipality = current_setting('kaa.municipality', true)
    AND (current_setting('kaa.registrar', true) = 'true' OR contact_id NOT IN (SELECT shielded_contacts()))
)
WITH CHECK (
    municipality = current_setting('kaa.municipality', true)
    AND EXISTS (SELECT FROM contact WHERE contact.contact_id = contact_revision.contact_id)
);

ALTER POLICY of_staff ON measure_revision
USING (
    municipality = current_setting('kaa.municipality', true)
    AND (current_setting('kaa.registrar', true) = 'true' OR measure_id NOT IN (SELECT shielded_measures()))
)
WITH CHECK (
    municipality = current_setting('kaa.municipality', true)
    AND EXISTS (SELECT FROM measure WHERE measure.measure_id = measure_revision.measure_id)
);

CREATE INDEX contact_revision_of_municipality ON contact_revision (municipality);

CREATE INDEX measure_revision_of_municipality ON measure_revision (municipality);

-- What is put off, in the order of its list; by the day it is asked for once a day, by the timers.
CREATE INDEX task_asleep ON task (municipality, rank_on, contacted, since, task_id) WHERE snoozed_until IS NOT NULL;

-- Takes the next task of a municipality for a worker: all of the transaction in one statement, since this is what the
-- queue does most. What the statement's arguments set (servicekit/viewers.py) holds in here, and ends with it.
CREATE FUNCTION take_next(of_municipality text, worker text, registrar text, lease interval)
RETURNS TABLE (
    task_id bigint, kind text, step text, channel text, due_on date, leased_until timestamptz, person_id uuid,
    identity_number text, given_name text, family_name text, birth_date date, protection text, entry_reason text,
    from_day date
)
LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY
    SELECT * FROM claim_task(next_task(of_municipality, worker), worker, lease, 'outreach next');
END
$$;

-- Whether who asks sees this person, or one who turned out to be her: nothing is written down about anybody else.
CREATE OR REPLACE FUNCTION is_seen(wanted uuid) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
    -- Whose task is seen is seen. What is ready and reserved for nobody first, as it is whenever a task is taken: of
    -- such a task the policy asks no more, of others for all with protected registration.
    IF EXISTS (
        SELECT FROM task
        WHERE person_id = wanted AND state = 'open' AND waits_for IS NULL AND assigned_to IS NULL
    ) OR EXISTS (SELECT FROM task WHERE person_id = wanted) THEN
        RETURN true;
    END IF;
    RETURN EXISTS (SELECT FROM person WHERE person_id = wanted OR merged_into = wanted);
END
$$;
