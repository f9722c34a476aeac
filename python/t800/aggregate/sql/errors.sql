-- One row for each error, and what was tried to recover from it.
SELECT
  session_id, agent, event_id, timestamp, time, day, error_type, tool, message, recovery_attempted, recovery_strategy,
  recovery_success, duration_ms, parent_id, phase, agent_id, source_id, attributes
FROM events
WHERE type = 'error'
