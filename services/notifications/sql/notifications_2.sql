-- The notifications' second step: absence.

-- The total of a month so far, of facts of the kind absence alone: the ban of förordning (2006:39) § 5 is on the register,
-- and these leave this table for nowhere. What takes absence back takes back nothing else, and nothing else does.
ALTER TABLE school_fact
    ADD COLUMN minutes integer,
    ADD COLUMN occasions integer,
    ADD COLUMN absence_taken_back boolean NOT NULL DEFAULT false;

-- closed: told, and over
ALTER TABLE notice
    DROP CONSTRAINT notice_status_check,
    DROP CONSTRAINT notice_check1,
    ADD CONSTRAINT notice_status_check CHECK (
        status IN ('waiting', 'routing', 'own', 'registered', 'closed', 'withdrawn')
    ),
    ADD CONSTRAINT notice_check1 CHECK (
        status NOT IN ('registered', 'closed', 'withdrawn') OR (municipality IS NOT NULL AND revision > 0)
    );
