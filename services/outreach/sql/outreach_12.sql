-- The follow-ups of a municipality that are in its queue, by the day they are due.
CREATE INDEX task_follow_up ON task (municipality, due_on) WHERE kind = 'follow_up' AND state = 'open';
