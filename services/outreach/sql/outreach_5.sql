-- Outreach's fifth step: notices of absence that are closed, and what was tried for each.

ALTER TABLE notice RENAME COLUMN handled_on TO tried_on;

-- the rows are hidden from their owner too
ALTER TABLE notice NO FORCE ROW LEVEL SECURITY;

ALTER TABLE notice
    -- it was true, and the pupil is back to full-time attendance. Neither standing nor closed: the school took it back
    ADD COLUMN closed boolean NOT NULL DEFAULT false,
    -- the highest revision that said it was over: what was done before that was done for what was over then
    ADD COLUMN ended_revision integer NOT NULL DEFAULT 0,
    -- the last attempt at early support: the contact, if it was one; which revision stood then; whether anybody answered
    ADD COLUMN tried_by uuid,
    ADD COLUMN tried_revision integer NOT NULL DEFAULT 0,
    ADD COLUMN answered boolean NOT NULL DEFAULT false,
    ADD CHECK (NOT (standing AND closed));

UPDATE notice SET tried_revision = revision, answered = true WHERE tried_on IS NOT NULL;

UPDATE notice SET ended_revision = revision WHERE NOT standing;

ALTER TABLE notice
    ADD COLUMN handled boolean NOT NULL GENERATED ALWAYS AS (answered AND tried_revision > ended_revision) STORED;

ALTER TABLE notice FORCE ROW LEVEL SECURITY;

GRANT UPDATE (tried_by, tried_revision, answered) ON notice TO {staff};
