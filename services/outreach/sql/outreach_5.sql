-- Outreach's fifth step: notices of absence that are closed.

-- It was true, and the pupil is back to full-time attendance. Neither standing nor closed: the school took it back.
ALTER TABLE notice ADD COLUMN closed boolean NOT NULL DEFAULT false, ADD CHECK (NOT (standing AND closed));
