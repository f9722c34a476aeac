-- One row for each call of a model.
SELECT
  session_id, agent, event_id, timestamp, time, day, model, provider, prompt_tokens, completion_tokens, total_tokens,
  cached_tokens, cache_write_tokens, reasoning_tokens, cost_usd, ttft_ms, duration_ms, success, interrupted,
  messages_redacted, response_redacted, parent_id, phase, agent_id, source_id, attributes
FROM events
WHERE type = 'llm_call'
