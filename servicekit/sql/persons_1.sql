-- Persons as the registry last published them, without contact data. {app} is the application role.
CREATE TABLE person (
    person_id uuid PRIMARY KEY,
    revision bigint NOT NULL,
    identity_number text,
    given_name text,
    family_name text,
    birth_date date,
    municipality text,
    protection text,
    merged_into uuid,
    -- forgotten on the registry's word: nothing but the id is left, and no earlier state brings it back
    purged boolean NOT NULL DEFAULT false
) WITH (fillfactor = 80);

-- The numbers a person has or had. For a moment two persons may claim one, while a link is taken back.
CREATE TABLE person_number (
    identity_number text COLLATE "C" NOT NULL,
    person_id uuid NOT NULL REFERENCES person,
    PRIMARY KEY (identity_number, person_id)
);

CREATE INDEX person_number_of_person ON person_number (person_id);

GRANT SELECT, INSERT, UPDATE ON person TO {app};

GRANT SELECT, INSERT, DELETE ON person_number TO {app};
