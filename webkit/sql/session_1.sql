-- Login and sessions of people at work. {staff} is the role of pages and APIs; {app} that of the service, which forgets
-- what ran out also while nobody logs in.
-- Of what a browser or an issuer holds only hashes are here: who reads these tables can be nobody.

-- A login that was begun and not yet answered by the issuer. Its answer takes the row away: it counts once.
CREATE TABLE web_login (
    token_hash bytea PRIMARY KEY,
    issuer text NOT NULL,
    return_to text NOT NULL,
    began_at timestamptz NOT NULL DEFAULT now()
);

-- grants: what the issuer granted at login, "0180:leader". chosen: the municipality at work in, once that is settled.
CREATE TABLE web_session (
    token_hash bytea PRIMARY KEY,
    issuer text NOT NULL,
    subject text NOT NULL,
    name text NOT NULL,
    grants text[] NOT NULL,
    chosen text,
    began_at timestamptz NOT NULL DEFAULT now(),
    seen_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 70);

-- How often an address (hashed) did something lately, for limits that hold over all processes.
CREATE TABLE web_attempt (
    what text NOT NULL,
    whose bytea NOT NULL,
    since timestamptz NOT NULL,
    count integer NOT NULL,
    PRIMARY KEY (what, whose)
) WITH (fillfactor = 70);

GRANT SELECT, INSERT, DELETE ON web_login TO {staff};

GRANT SELECT, INSERT, UPDATE, DELETE ON web_session TO {staff};

GRANT SELECT, INSERT, UPDATE, DELETE ON web_attempt TO {staff};

GRANT SELECT (began_at), DELETE ON web_login TO {app};

GRANT SELECT (began_at, seen_at), DELETE ON web_session TO {app};

GRANT SELECT (since), DELETE ON web_attempt TO {app};
