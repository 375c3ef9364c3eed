-- Outreach's sixth step: early support that ends by itself is found without a look at every task.

CREATE INDEX task_early_support ON task (person_id) WHERE kind = 'early_support' AND state = 'open';
