-- What each session has added to each UTC day; one without events stands under the day in its name.
-- DECIMAL(18, 0): no number of hostile figures makes these sums overflow.
WITH counted AS (
  SELECT
    day,
    stem,
    count(*) AS total_events,
    count(CASE WHEN success AND type IN ('tool_call', 'llm_call') THEN 1 END) AS succeeded,
    count(CASE WHEN NOT success AND type IN ('tool_call', 'llm_call') THEN 1 END) AS failed,
    count(CASE WHEN type = 'error' THEN 1 END) AS errors,
    count(CASE WHEN interrupted THEN 1 END) AS interrupted,
    sum(CASE WHEN parent_id IS NULL AND type IN ('tool_call', 'llm_call')
        THEN CAST(duration_us AS DECIMAL(18, 0)) END) AS duration_us,
    count(cost_nano_usd) AS priced,
    sum(CAST(cost_nano_usd AS DECIMAL(18, 0))) AS cost_nano_usd,
    sum(CAST(prompt_tokens AS DECIMAL(18, 0))) AS prompt_tokens,
    sum(CAST(completion_tokens AS DECIMAL(18, 0))) AS completion_tokens,
    sum(CAST(total_tokens AS DECIMAL(18, 0))) AS total_tokens,
    sum(CAST(cached_tokens AS DECIMAL(18, 0))) AS cached_tokens,
    sum(CAST(cache_write_tokens AS DECIMAL(18, 0))) AS cache_write_tokens,
    sum(CAST(reasoning_tokens AS DECIMAL(18, 0))) AS reasoning_tokens,
    sum(CAST(tokens_in AS DECIMAL(18, 0))) AS tokens_in,
    sum(CAST(tokens_out AS DECIMAL(18, 0))) AS tokens_out
  FROM events
  GROUP BY day, stem
)
SELECT
  coalesce(counted.day, substr(sessions.stem, 1, 10)) AS day,
  sessions.stem,
  sessions.session_id,
  sessions.agent,
  sessions.state NOT IN ('closed', 'recovered') AS incomplete,
  coalesce(counted.total_events, 0) AS total_events,
  coalesce(counted.succeeded, 0) AS succeeded,
  coalesce(counted.failed, 0) AS failed,
  coalesce(counted.errors, 0) AS errors,
  coalesce(counted.interrupted, 0) AS interrupted,
  coalesce(counted.duration_us, 0) AS duration_us,
  coalesce(counted.priced, 0) AS priced,
  coalesce(counted.cost_nano_usd, 0) AS cost_nano_usd,
  coalesce(counted.prompt_tokens, 0) AS prompt_tokens,
  coalesce(counted.completion_tokens, 0) AS completion_tokens,
  coalesce(counted.total_tokens, 0) AS total_tokens,
  coalesce(counted.cached_tokens, 0) AS cached_tokens,
  coalesce(counted.cache_write_tokens, 0) AS cache_write_tokens,
  coalesce(counted.reasoning_tokens, 0) AS reasoning_tokens,
  coalesce(counted.tokens_in, 0) AS tokens_in,
  coalesce(counted.tokens_out, 0) AS tokens_out
FROM sessions
LEFT JOIN counted ON counted.stem = sessions.stem
ORDER BY 1, 2
