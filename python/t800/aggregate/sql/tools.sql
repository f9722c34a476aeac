-- One row for each call of a tool.
SELECT
  session_id, agent, event_id, timestamp, time, day, tool, parameters_redacted, result_redacted, duration_ms,
  success, interrupted, tokens_in, tokens_out, parent_id, phase, agent_id, source_id, attributes
FROM events
WHERE type = 'tool_call'
