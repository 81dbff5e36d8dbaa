-- Which streams a person has, from their first events: what a cascade may reach must come from the log, not from a read model.

CREATE INDEX events_streams_of ON log.events (subject, aggregate_type, occurred_at) WHERE sequence = 1;
