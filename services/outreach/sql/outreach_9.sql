-- What an episode's entry rests on, as last told: the schools' and the population feeds' facts, without any text of theirs.
-- In the episode's row, so that its policies hold for it: nobody sees it who does not see the episode.
ALTER TABLE episode ADD COLUMN grounds jsonb;
