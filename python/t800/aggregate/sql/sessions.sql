-- One row for each session. Counts are those of its summary, with those of parts that retention has taken away.
SELECT
  stem,
  max(session_id) AS session_id,
  max(agent) AS agent,
  max(host_session_id) AS host_session_id,
  max(parent_session_id) AS parent_session_id,
  max(project_hash) AS project_hash,
  max(user_id_hash) AS user_id_hash,
  min(started) AS started,
  max(ended) AS ended,
  max_by(state, part) AS state,
  count(file) AS documents,
  CAST(sum(bytes) AS BIGINT) AS bytes,
  CAST(sum(total_events) AS BIGINT) AS total_events,
  CAST(sum(succeeded) AS BIGINT) AS succeeded,
  CAST(sum(failed) AS BIGINT) AS failed,
  CAST(sum(errors) AS BIGINT) AS errors,
  CAST(sum(interrupted) AS BIGINT) AS interrupted,
  CAST(sum(dropped) AS BIGINT) AS dropped,
  CAST(sum(duration_us) AS DOUBLE) / 1000 AS total_duration_ms,
  CAST(sum(succeeded) AS DOUBLE) / nullif(sum(succeeded) + sum(failed), 0) AS success_rate,
  CASE WHEN sum(priced) > 0 THEN CAST(sum(cost_nano_usd) AS DOUBLE) / 1000000000 END AS cost_usd,
  CAST(sum(prompt_tokens) AS BIGINT) AS prompt_tokens,
  CAST(sum(completion_tokens) AS BIGINT) AS completion_tokens,
  CAST(sum(total_tokens) AS BIGINT) AS total_tokens,
  CAST(sum(cached_tokens) AS BIGINT) AS cached_tokens,
  CAST(sum(cache_write_tokens) AS BIGINT) AS cache_write_tokens,
  CAST(sum(reasoning_tokens) AS BIGINT) AS reasoning_tokens,
  CAST(sum(tokens_in) AS BIGINT) AS tokens_in,
  CAST(sum(tokens_out) AS BIGINT) AS tokens_out
FROM documents
GROUP BY stem
ORDER BY 1
