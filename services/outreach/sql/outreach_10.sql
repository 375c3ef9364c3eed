-- Takes the next task of a municipality for a worker, once for a form: what she was given when she sent the same form
-- before, as long as it is in her hands. ``form`` is a key as of idempotency_key; of two sent at once one waits here.
CREATE FUNCTION take_next_once(of_municipality text, worker text, registrar text, lease interval, form bytea)
RETURNS TABLE (task_id bigint)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    given bigint;
BEGIN
    INSERT INTO idempotency_key (key_hash, municipality, who, request_digest)
    VALUES (form, of_municipality, worker, form)
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        SELECT task_id INTO given FROM idempotency_key JOIN task ON task_id = answer::bigint
        WHERE key_hash = form AND leased_by = worker AND leased_until > now();
    END IF;
    IF given IS NULL THEN
        SELECT task_id INTO given FROM take_next(of_municipality, worker, registrar, lease);
        UPDATE idempotency_key SET answer = to_jsonb(given) WHERE key_hash = form;
    END IF;
    RETURN QUERY SELECT given WHERE given IS NOT NULL;
END
$$;
