-- Whom time alone will change, by the day it does: the scheduler's list. Apart from the person's row, which is then
-- updated in its place: with an index on it each change touched a page of every index of the table.
CREATE TABLE waking (
    day date NOT NULL,
    person_id uuid NOT NULL REFERENCES person,
    PRIMARY KEY (day, person_id)
);

INSERT INTO waking (day, person_id) SELECT wake_on, person_id FROM person WHERE wake_on IS NOT NULL;

DROP INDEX person_wakes;

GRANT SELECT, INSERT, DELETE ON waking TO {app};
