-- What each UTC day adds up to.
SELECT
  day,
  count(*) AS sessions,
  count(CASE WHEN incomplete THEN 1 END) AS incomplete,
  sum(total_events) AS total_events,
  sum(succeeded) AS succeeded,
  sum(failed) AS failed,
  sum(errors) AS errors,
  sum(interrupted) AS interrupted,
  sum(duration_us) AS duration_us,
  sum(priced) AS priced,
  sum(cost_nano_usd) AS cost_nano_usd,
  sum(prompt_tokens) AS prompt_tokens,
  sum(completion_tokens) AS completion_tokens,
  sum(total_tokens) AS total_tokens,
  sum(cached_tokens) AS cached_tokens,
  sum(cache_write_tokens) AS cache_write_tokens,
  sum(reasoning_tokens) AS reasoning_tokens,
  sum(tokens_in) AS tokens_in,
  sum(tokens_out) AS tokens_out
FROM daily_sessions
GROUP BY day
ORDER BY 1
