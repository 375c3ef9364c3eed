-- Cases of protected registration (skyddad folkbokföring), routed by a registrar to one worker (INV-11). {app} is the
-- application role, {staff} that of people at work.

-- Who deals with a case now; a case without a row here waits for its registrar.
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

-- All with protected registration, whoever asks.
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
CREATE OR REPLACE FUNCTION shielded() RETURNS SETOF uuid
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

REVOKE ALL ON FUNCTION all_shielded(), is_shielded(uuid) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION all_shielded(), is_shielded(uuid) TO {staff}, {app};

-- An open task that waits for nothing and is reserved for nobody is of nobody with protected registration: asked first,
-- since it costs nothing. That it stays so the check sees to: such a task is kept for who was named, or waits.
ALTER POLICY of_staff ON task
USING (
    municipality = current_setting('kaa.municipality', true)
    AND (
        (state = 'open' AND waits_for IS NULL AND assigned_to IS NULL)
        OR current_setting('kaa.registrar', true) = 'true'
        OR person_id NOT IN (SELECT shielded())
    )
)
WITH CHECK (
    municipality = current_setting('kaa.municipality', true) AND is_seen(person_id)
    AND (
        state <> 'open' OR waits_for IS NOT NULL OR assigned_to = current_setting('kaa.who', true)
        OR (assigned_to IS NOT NULL AND current_setting('kaa.registrar', true) = 'true')
        OR NOT is_shielded(person_id)
    )
);

ALTER POLICY of_shielded ON task USING (person_id IN (SELECT all_shielded()));

-- Also to whom her case is routed no contact data is shown.
ALTER POLICY of_staff ON contact_way USING (
    municipality = current_setting('kaa.municipality', true) AND person_id NOT IN (SELECT all_shielded())
);

ALTER POLICY of_staff ON person USING (
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

-- Registrars decide; to whom a case is routed sees that it is.

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

GRANT SELECT, DELETE ON routing TO {app};

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

GRANT SELECT, INSERT, UPDATE (person_id), DELETE ON routing_history TO {app};

GRANT SELECT, INSERT ON routing_history TO {staff};
