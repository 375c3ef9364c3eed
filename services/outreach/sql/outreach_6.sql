-- Outreach's sixth step: the open tasks of early support are found among all tasks, to see which of them are over.

CREATE INDEX task_early_support ON task (person_id) WHERE kind = 'early_support' AND state = 'open';
