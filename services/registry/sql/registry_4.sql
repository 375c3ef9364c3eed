-- The day on which the register stands, held still until the end of the transaction: whoever moves it holds the lock
-- alone. Two statements in one round trip; the second sees what was committed while the first waited.
CREATE FUNCTION held_day(day_lock bigint) RETURNS date
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(day_lock);
    RETURN (SELECT day FROM business_day);
END
$$;
