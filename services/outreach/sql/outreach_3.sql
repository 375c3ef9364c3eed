-- Outreach's third step: who sees what (INV-09, INV-11). {app} is the application role, {staff} that of people at work.
-- The database shows staff the rows of one municipality: that which the transaction names in kaa.municipality, and none
-- while it names none. servicekit/viewers.py alone sets it, and kaa.who and kaa.registrar with it. Security is forced:
-- it holds for the owner too.

-- Where row-level security asks for an index.
CREATE INDEX person_shielded ON person (person_id) WHERE protection = 'protected_registration';

CREATE INDEX person_merged_into ON person (merged_into) WHERE merged_into IS NOT NULL;

CREATE INDEX access_log_of_municipality ON access_log (municipality, access_id);

-- Persons with protected registration (skyddad folkbokföring), wherever they are registered and whoever asks: ids and
-- nothing else, for the policies. It runs as the owner, who sees of the tables what it needs and no more.
CREATE FUNCTION all_shielded() RETURNS SETOF uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public ROWS 10 AS $$
BEGIN
    RETURN QUERY SELECT person_id FROM public.person WHERE protection = 'protected_registration';
END
$$;

CREATE FUNCTION is_shielded(wanted uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
    RETURN EXISTS (
        SELECT FROM public.person WHERE person_id = wanted AND protection = 'protected_registration'
    );
END
$$;

-- Those of them whose cases are not routed, in this municipality, to who asks.
CREATE FUNCTION shielded() RETURNS SETOF uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public ROWS 10 AS $$
BEGIN
    RETURN QUERY
    SELECT person_id FROM public.person AS p
    WHERE protection = 'protected_registration' AND NOT EXISTS (
        SELECT FROM public.routing AS r
        WHERE r.person_id = p.person_id AND r.municipality = current_setting('kaa.municipality', true)
          AND r.worker = current_setting('kaa.who', true)
    );
END
$$;

-- Their tasks, contacts and measures, in the same way.
CREATE FUNCTION shielded_tasks() RETURNS SETOF bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public ROWS 10 AS $$
BEGIN
    RETURN QUERY
    SELECT task_id FROM public.task WHERE person_id = ANY(ARRAY(SELECT public.shielded()));
END
$$;

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

-- How many cases wait for routing in the whole installation: where she is registered says nothing of where.
CREATE FUNCTION cases_to_route() RETURNS bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
    RETURN (SELECT count(DISTINCT person_id) FROM public.task WHERE state = 'open' AND waits_for = 'routing');
END
$$;

-- Whether who asks sees this person, or one who turned out to be her: nothing is written down about anybody else.
CREATE FUNCTION is_seen(wanted uuid) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
    -- Whose task is seen is seen. What is ready and reserved for nobody first, as it is whenever a task is taken: of
    -- such a task the policy asks no more, of others for all with protected registration.
    IF EXISTS (
        SELECT FROM task
        WHERE person_id = wanted AND state = 'open' AND waits_for IS NULL AND assigned_to IS NULL
    ) THEN
        RETURN true;
    END IF;
    RETURN EXISTS (SELECT FROM task WHERE person_id = wanted)
        OR EXISTS (SELECT FROM person WHERE person_id = wanted OR merged_into = wanted);
END
$$;

REVOKE ALL ON FUNCTION all_shielded(), is_shielded(uuid), shielded(), shielded_tasks(), shielded_contacts(),
    shielded_measures(), cases_to_route() FROM PUBLIC;

GRANT EXECUTE ON FUNCTION all_shielded(), is_shielded(uuid), shielded(), shielded_tasks(), shielded_contacts(),
    shielded_measures(), cases_to_route() TO {staff}, {app};

-- Tables of a municipality's rows. Of protected registration only registrars see any, and to whom a case is routed.

ALTER TABLE episode ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY of_app ON episode TO {app} USING (true);

CREATE POLICY of_staff ON episode TO {staff} USING (
    municipality = current_setting('kaa.municipality', true)
    AND (current_setting('kaa.registrar', true) = 'true' OR person_id NOT IN (SELECT shielded()))
);

GRANT SELECT, UPDATE (look_on) ON episode TO {staff};

ALTER TABLE task ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY of_app ON task TO {app} USING (true);

-- An open task that waits for nothing and is reserved for nobody is of nobody with protected registration: asked first,
-- since it costs nothing. That it stays so the check sees to: such a task is kept for who was named, or waits.
CREATE POLICY of_staff ON task TO {staff}
USING (
    municipality = current_setting('kaa.municipality', true)
    AND (
        (state = 'open' AND waits_for IS NULL AND assigned_to IS NULL)
        OR current_setting('kaa.registrar', true) = 'true'
        OR person_id NOT IN (SELECT shielded())
    )
)
WITH CHECK (
    municipality = current_setting('kaa.municipality', true)
    AND (
        state <> 'open' OR waits_for IS NOT NULL OR assigned_to = current_setting('kaa.who', true)
        OR (assigned_to IS NOT NULL AND current_setting('kaa.registrar', true) = 'true')
        OR NOT is_shielded(person_id)
    )
);

CREATE POLICY of_shielded ON task FOR SELECT TO CURRENT_USER USING (person_id IN (SELECT all_shielded()));

-- Whose a task is, and where, staff say when it opens and never again: so nothing more is asked when a row changes.
CREATE POLICY of_seen ON task AS RESTRICTIVE FOR INSERT TO {staff} WITH CHECK (is_seen(person_id));

GRANT SELECT, INSERT, UPDATE (
    step, channel, since, due_on, rank_on, contacted, assigned_to, snoozed_until, waits_for, state, reason, done_on,
    leased_by, leased_until, taken_with
) ON task TO {staff};

ALTER TABLE task_history ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY of_app ON task_history TO {app} USING (true);

CREATE POLICY of_staff ON task_history TO {staff}
USING (
    municipality = current_setting('kaa.municipality', true)
    AND (current_setting('kaa.registrar', true) = 'true' OR task_id NOT IN (SELECT shielded_tasks()))
)
WITH CHECK (municipality = current_setting('kaa.municipality', true));

GRANT SELECT, INSERT ON task_history TO {staff};

ALTER TABLE contact ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY of_app ON contact TO {app} USING (true);

CREATE POLICY of_staff ON contact TO {staff}
USING (
    municipality = current_setting('kaa.municipality', true)
    AND (current_setting('kaa.registrar', true) = 'true' OR person_id NOT IN (SELECT shielded()))
)
WITH CHECK (municipality = current_setting('kaa.municipality', true) AND is_seen(person_id));

CREATE POLICY of_shielded ON contact FOR SELECT TO CURRENT_USER USING (person_id IN (SELECT all_shielded()));

GRANT SELECT, INSERT, UPDATE (revision) ON contact TO {staff};

ALTER TABLE contact_revision ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY of_app ON contact_revision TO {app} USING (true);

-- A revision is of the municipality of its contact: read, it is judged by its own row and those few ids, else each cost
-- a look at its contact (the figures of 7,000 persons: 107 ms with these looks, 45 without). Written, it is still
-- checked that the contact is one of theirs. In the same way with measures.
CREATE POLICY of_staff ON contact_revision TO {staff}
USING (
    municipality = current_setting('kaa.municipality', true)
    AND (current_setting('kaa.registrar', true) = 'true' OR contact_id NOT IN (SELECT shielded_contacts()))
)
WITH CHECK (
    municipality = current_setting('kaa.municipality', true)
    AND EXISTS (SELECT FROM contact WHERE contact.contact_id = contact_revision.contact_id)
);

GRANT SELECT, INSERT ON contact_revision TO {staff};

ALTER TABLE measure ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY of_app ON measure TO {app} USING (true);

CREATE POLICY of_staff ON measure TO {staff}
USING (
    municipality = current_setting('kaa.municipality', true)
    AND (current_setting('kaa.registrar', true) = 'true' OR person_id NOT IN (SELECT shielded()))
)
WITH CHECK (municipality = current_setting('kaa.municipality', true) AND is_seen(person_id));

CREATE POLICY of_shielded ON measure FOR SELECT TO CURRENT_USER USING (person_id IN (SELECT all_shielded()));

GRANT SELECT, INSERT, UPDATE (revision) ON measure TO {staff};

ALTER TABLE measure_revision ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY of_app ON measure_revision TO {app} USING (true);

CREATE POLICY of_staff ON measure_revision TO {staff}
USING (
    municipality = current_setting('kaa.municipality', true)
    AND (current_setting('kaa.registrar', true) = 'true' OR measure_id NOT IN (SELECT shielded_measures()))
)
WITH CHECK (
    municipality = current_setting('kaa.municipality', true)
    AND EXISTS (SELECT FROM measure WHERE measure.measure_id = measure_revision.measure_id)
);

GRANT SELECT, INSERT ON measure_revision TO {staff};

ALTER TABLE contact_way ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY of_app ON contact_way TO {app} USING (true);

-- Also when a state that says protected has not taken them away, nobody sees any: not registrars, nor to whom a case is
-- routed.
CREATE POLICY of_staff ON contact_way FOR SELECT TO {staff} USING (
    municipality = current_setting('kaa.municipality', true) AND person_id NOT IN (SELECT all_shielded())
);

GRANT SELECT ON contact_way TO {staff};

ALTER TABLE notice ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY of_app ON notice TO {app} USING (true);

CREATE POLICY of_staff ON notice TO {staff} USING (
    municipality = current_setting('kaa.municipality', true)
    AND (current_setting('kaa.registrar', true) = 'true' OR person_id NOT IN (SELECT shielded()))
);

GRANT SELECT, UPDATE (handled_on) ON notice TO {staff};

-- Persons belong to no municipality: each is seen through what the viewer's has of her, asked for in the order in which
-- it is likely to be there. The policies of those tables say which municipality that is. Where she lives now is told to
-- nobody: it may be another.

ALTER TABLE person ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY of_app ON person TO {app} USING (true);

CREATE POLICY of_staff ON person FOR SELECT TO {staff} USING (
    (
        protection IS DISTINCT FROM 'protected_registration'
        OR current_setting('kaa.registrar', true) = 'true'
        OR person_id NOT IN (SELECT shielded())
    )
    AND (
        EXISTS (SELECT FROM episode WHERE episode.person_id = person.person_id)
        OR EXISTS (SELECT FROM task WHERE task.person_id = person.person_id)
        OR EXISTS (SELECT FROM notice WHERE notice.person_id = person.person_id)
        OR EXISTS (SELECT FROM contact WHERE contact.person_id = person.person_id)
        OR EXISTS (SELECT FROM measure WHERE measure.person_id = person.person_id)
    )
);

-- Staff may lock a person, so that her case is brought up once at a time, and never change one.
CREATE POLICY locked_by_staff ON person FOR UPDATE TO {staff} USING (true) WITH CHECK (false);

CREATE POLICY of_shielded ON person FOR SELECT TO CURRENT_USER USING (protection = 'protected_registration');

GRANT SELECT (person_id, revision, identity_number, given_name, family_name, birth_date, protection, merged_into, purged),
    UPDATE (revision) ON person TO {staff};

ALTER TABLE person_number ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY of_app ON person_number TO {app} USING (true);

CREATE POLICY of_staff ON person_number FOR SELECT TO {staff} USING (
    EXISTS (SELECT FROM person WHERE person.person_id = person_number.person_id)
);

GRANT SELECT ON person_number TO {staff};

-- Registrars decide who deals with a case of protected registration; to whom it is routed sees that it is.

ALTER TABLE routing ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY of_app ON routing TO {app} USING (true);

CREATE POLICY of_staff ON routing FOR SELECT TO {staff} USING (
    municipality = current_setting('kaa.municipality', true) AND worker = current_setting('kaa.who', true)
);

CREATE POLICY of_registrar ON routing TO {staff}
USING (
    municipality = current_setting('kaa.municipality', true) AND current_setting('kaa.registrar', true) = 'true'
)
WITH CHECK (
    municipality = current_setting('kaa.municipality', true) AND current_setting('kaa.registrar', true) = 'true'
    AND is_seen(person_id)
);

CREATE POLICY of_shielded ON routing FOR SELECT TO CURRENT_USER USING (
    municipality = current_setting('kaa.municipality', true) AND worker = current_setting('kaa.who', true)
);

GRANT SELECT, INSERT, UPDATE, DELETE ON routing TO {staff};

ALTER TABLE routing_history ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY of_app ON routing_history TO {app} USING (true);

CREATE POLICY of_registrar ON routing_history TO {staff}
USING (
    municipality = current_setting('kaa.municipality', true) AND current_setting('kaa.registrar', true) = 'true'
)
WITH CHECK (
    municipality = current_setting('kaa.municipality', true) AND current_setting('kaa.registrar', true) = 'true'
    AND who = current_setting('kaa.who', true) AND is_seen(person_id)
);

GRANT SELECT, INSERT ON routing_history TO {staff};

-- What hands events on, or keeps them: staff add to what is told of contacts and measures, and read none of it.

ALTER TABLE outbox ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY of_app ON outbox TO {app} USING (true);

CREATE POLICY of_staff ON outbox FOR INSERT TO {staff} WITH CHECK (topic = 'outreach.activity.v1');

GRANT INSERT ON outbox TO {staff};

ALTER TABLE dead_letter ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY of_app ON dead_letter TO {app} USING (true);

-- The access log: everybody writes what they themselves looked at, registrars read it, nobody changes it.

ALTER TABLE access_log ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY of_app ON access_log FOR INSERT TO {app} WITH CHECK (true);

CREATE POLICY of_staff ON access_log FOR INSERT TO {staff} WITH CHECK (
    municipality = current_setting('kaa.municipality', true) AND who = current_setting('kaa.who', true)
);

CREATE POLICY of_registrar ON access_log FOR SELECT TO {staff} USING (
    municipality = current_setting('kaa.municipality', true) AND current_setting('kaa.registrar', true) = 'true'
);

GRANT SELECT, INSERT ON access_log TO {staff};
