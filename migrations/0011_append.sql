-- One call a batch: takes the head, judges each unit alone, writes those that stand, moves the head.
-- A call is one autocommit statement, so no client can sit on the head row between two round trips.
--
-- Units are numbered from 0 in the order of the u_ arrays. The answer has one row with unit -1 (the
-- head before and after) and one for each unit that was not written now; all others were, in order,
-- at consecutive positions from the head before. Repeating a call whose outcome was lost is safe: a
-- unit that stands in the log already, by its first event's id, is answered as 'standing'.
CREATE FUNCTION log.append(
    u_scope text[], u_key text[], u_request bytea[], u_answer text[],
    c_unit int[], c_type text[], c_id text[], c_version bigint[],
    e_unit int[], e_type text[], e_id text[], e_sequence bigint[], e_event_type text[], e_event_version text[],
    e_payload text[], e_event uuid[], e_subject uuid[], e_actor text[], e_correlation uuid[], e_causation uuid[],
    e_ceremony uuid[], e_session uuid[], e_device uuid[], e_occurred timestamptz[], e_class text[], e_epoch date[],
    e_commitment bytea[]
) RETURNS TABLE (
    unit int, verdict text, first bigint, last bigint, stream_type text, stream_id text, request bytea, answer text
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    nobody CONSTANT uuid := '00000000-0000-0000-0000-000000000000';
    moment CONSTANT timestamptz := clock_timestamp();
    before bigint;
    added bigint := 0;
    conflicted int[];
    answered int[] := '{}';
    keyless int[];
    lost int[];
BEGIN
    SELECT h.last INTO STRICT before FROM log.head h FOR UPDATE;

    SELECT coalesce(array_agg(DISTINCT c.unit), '{}') INTO conflicted
      FROM unnest(c_unit, c_type, c_id, c_version) AS c (unit, type, id, version)
     WHERE c.version <> coalesce((SELECT e.sequence FROM log.events e
                                   WHERE e.aggregate_type = c.type AND e.aggregate_id = c.id
                                   ORDER BY e.sequence DESC LIMIT 1), 0);

    IF array_length(array_remove(u_scope, NULL), 1) > 0 THEN
        SELECT coalesce(array_agg(u.number::int - 1), '{}') INTO answered
          FROM unnest(u_scope, u_key) WITH ORDINALITY AS u (scope, key, number)
          JOIN log.idempotency i ON i.scope = u.scope AND i.key = u.key;
    END IF;

    SELECT coalesce(array_agg(DISTINCT e.unit), '{}') INTO keyless
      FROM unnest(e_unit, e_subject) AS e (unit, subject)
      LEFT JOIN secrets.subjects s ON s.subject = coalesce(e.subject, nobody)
     WHERE s.wrapped IS NULL;

    lost := conflicted || answered || keyless;
    IF array_length(lost, 1) > 0 THEN
        RETURN QUERY
            SELECT f.unit, 'standing', l.position, l.position + f.count - 1, NULL, NULL, NULL::bytea, NULL
              FROM (SELECT DISTINCT ON (e.unit) e.unit, e.type, e.id, e.sequence, e.event,
                           count(*) OVER (PARTITION BY e.unit) AS count
                      FROM unnest(e_unit, e_type, e_id, e_sequence, e_event) WITH ORDINALITY
                           AS e (unit, type, id, sequence, event, number)
                     WHERE e.unit = ANY (lost)
                     ORDER BY e.unit, e.number) f
              JOIN log.events l ON l.aggregate_type = f.type AND l.aggregate_id = f.id
                               AND l.sequence = f.sequence AND l.event_id = f.event;
        RETURN QUERY
            SELECT u.number::int - 1, 'answered', i.position, i.position, NULL, NULL, i.request, i.answer
              FROM unnest(u_scope, u_key) WITH ORDINALITY AS u (scope, key, number)
              JOIN log.idempotency i ON i.scope = u.scope AND i.key = u.key;
        RETURN QUERY
            SELECT DISTINCT ON (e.unit) e.unit,
                   CASE WHEN s.subject IS NULL THEN 'keyless' ELSE 'erased' END,
                   NULL::bigint, NULL::bigint, NULL, NULL, NULL::bytea, NULL
              FROM unnest(e_unit, e_subject) AS e (unit, subject)
              LEFT JOIN secrets.subjects s ON s.subject = coalesce(e.subject, nobody)
             WHERE s.wrapped IS NULL;
        RETURN QUERY
            SELECT DISTINCT ON (c.unit) c.unit, 'conflict', NULL::bigint, NULL::bigint, c.type, c.id, NULL::bytea, NULL
              FROM unnest(c_unit, c_type, c_id, c_version) AS c (unit, type, id, version)
             WHERE c.version <> coalesce((SELECT e.sequence FROM log.events e
                                           WHERE e.aggregate_type = c.type AND e.aggregate_id = c.id
                                           ORDER BY e.sequence DESC LIMIT 1), 0);
    END IF;

    INSERT INTO log.events (
        position, recorded_at, aggregate_type, aggregate_id, sequence, event_type, event_version, payload, event_id,
        subject, actor, correlation_id, causation_id, ceremony_id, session_id, device_id, occurred_at, class, epoch,
        commitment)
    SELECT before + row_number() OVER (ORDER BY e.number), moment, e.type, e.id, e.sequence, e.event_type,
           e.event_version, e.payload::jsonb, e.event, e.subject, e.actor, e.correlation, e.causation, e.ceremony,
           e.session, e.device, e.occurred, e.class, e.epoch, e.commitment
      FROM unnest(e_unit, e_type, e_id, e_sequence, e_event_type, e_event_version, e_payload, e_event, e_subject,
                  e_actor, e_correlation, e_causation, e_ceremony, e_session, e_device, e_occurred, e_class, e_epoch,
                  e_commitment) WITH ORDINALITY
           AS e (unit, type, id, sequence, event_type, event_version, payload, event, subject, actor, correlation,
                 causation, ceremony, session, device, occurred, class, epoch, commitment, number)
     WHERE e.unit <> ALL (lost);
    GET DIAGNOSTICS added = ROW_COUNT;

    IF array_length(array_remove(u_scope, NULL), 1) > 0 THEN
        INSERT INTO log.idempotency (scope, key, request, position, answer, created_at)
        SELECT u.scope, u.key, u.request,
               before + (SELECT count(*) FROM unnest(e_unit) AS e (unit)
                          WHERE e.unit <= u.number - 1 AND e.unit <> ALL (lost)),
               u.answer, moment
          FROM unnest(u_scope, u_key, u_request, u_answer) WITH ORDINALITY AS u (scope, key, request, answer, number)
         WHERE u.scope IS NOT NULL AND u.number::int - 1 <> ALL (lost);
    END IF;

    IF added > 0 THEN
        UPDATE log.head h SET last = before + added;
    END IF;
    RETURN QUERY SELECT -1, 'head', before, before + added, NULL::text, NULL::text, NULL::bytea, NULL::text;
END $$;

REVOKE ALL ON FUNCTION log.append FROM PUBLIC;
GRANT EXECUTE ON FUNCTION log.append TO vitne_server;
