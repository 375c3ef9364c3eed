-- Takes the next task of a municipality for a worker, once for a form: what she was given when she sent the same form
-- before, as long as it is in her hands. Of two sent at once one waits. The form stands in the task's own row, which is
-- written anyway.
CREATE FUNCTION take_next_once(of_municipality text, worker text, registrar text, lease interval, form bytea)
RETURNS TABLE (task_id bigint)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    given bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(4611005, hashtext(encode(form, 'hex')));
    SELECT task_id INTO given FROM task
    WHERE municipality = of_municipality AND leased_by = worker AND leased_until > now() AND taken_with = form;
    IF NOT FOUND THEN
        SELECT task_id INTO given
        FROM claim_task(next_task(of_municipality, worker), worker, lease, 'outreach next', form);
    END IF;
    RETURN QUERY SELECT given WHERE given IS NOT NULL;
END
$$;
