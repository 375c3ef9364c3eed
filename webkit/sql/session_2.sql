-- The ID token is not kept: at logout the issuer is told the client alone.
ALTER TABLE web_session DROP COLUMN id_token;

-- What ran out is forgotten also while nobody logs in: by the service, whose role is {app}.
GRANT SELECT (began_at), DELETE ON web_login TO {app};

GRANT SELECT (began_at, seen_at), DELETE ON web_session TO {app};

GRANT SELECT (since), DELETE ON web_attempt TO {app};
