-- Events received, once each: the identity (source, id), a digest of the content, and the record it came in.
CREATE TABLE inbox (
    source text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    digest bytea NOT NULL,
    topic text NOT NULL,
    partition integer NOT NULL,
    "offset" bigint NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (source, id)
) WITH (fillfactor = 100);

GRANT SELECT, INSERT ON inbox TO {app};
