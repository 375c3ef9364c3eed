-- What is reserved for anybody, in the order of the team's list: by the index of each worker's own, all that is reserved
-- was sorted for each page. A task that is reserved for nobody is not in it, and costs it nothing.
CREATE INDEX task_reserved_for_any ON task (municipality, rank_on, contacted, since, task_id)
    WHERE state = 'open' AND waits_for IS NULL AND snoozed_until IS NULL AND leased_by IS NULL
      AND assigned_to IS NOT NULL;
