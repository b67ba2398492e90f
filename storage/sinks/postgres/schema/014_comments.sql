-- 014: comments of columns as the event model describes them now (core/event_fields.def).

COMMENT ON COLUMN vsoc.events.dedup_key IS 'hash of tenant, vehicle (without one: sender) and source id (or content): equal when an event is sent again';
COMMENT ON COLUMN vsoc.events.count IS 'occurrences that this event represents; a lower bound (AUTOSAR, OCSF)';
COMMENT ON COLUMN vsoc.events.count_saturated IS 'the counter was at its maximum';
COMMENT ON COLUMN vsoc.events.severity_source IS 'severity as reported by the source';
