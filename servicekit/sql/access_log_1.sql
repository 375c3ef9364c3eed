-- Every look at a person: who, when, whom, from where and why. The application role can only add.
CREATE TABLE access_log (
    access_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    who text NOT NULL,
    action text NOT NULL,
    person_id uuid,
    municipality text,
    count integer NOT NULL DEFAULT 1
);

GRANT INSERT ON access_log TO {app};
