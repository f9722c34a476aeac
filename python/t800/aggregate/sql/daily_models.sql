-- The calls of each model on each UTC day, with tokens and cost.
SELECT
  day,
  coalesce(nullif(model, ''), 'other') AS model,
  count(*) AS calls,
  count(CASE WHEN NOT success THEN 1 END) AS failed,
  count(CASE WHEN interrupted AND success IS NOT FALSE THEN 1 END) AS interrupted,
  count(duration_us) AS timed,
  sum(CAST(duration_us AS DECIMAL(18, 0))) AS sum_us,
  max(duration_us) AS max_us,
  percentile_disc(0.5) WITHIN GROUP (ORDER BY duration_ms) AS p50_ms,
  percentile_disc(0.95) WITHIN GROUP (ORDER BY duration_ms) AS p95_ms,
  percentile_disc(0.99) WITHIN GROUP (ORDER BY duration_ms) AS p99_ms,
  coalesce(sum(CAST(prompt_tokens AS DECIMAL(18, 0))), 0) AS prompt_tokens,
  coalesce(sum(CAST(completion_tokens AS DECIMAL(18, 0))), 0) AS completion_tokens,
  coalesce(sum(CAST(total_tokens AS DECIMAL(18, 0))), 0) AS total_tokens,
  coalesce(sum(CAST(cached_tokens AS DECIMAL(18, 0))), 0) AS cached_tokens,
  coalesce(sum(CAST(cache_write_tokens AS DECIMAL(18, 0))), 0) AS cache_write_tokens,
  coalesce(sum(CAST(reasoning_tokens AS DECIMAL(18, 0))), 0) AS reasoning_tokens,
  count(cost_nano_usd) AS priced,
  coalesce(sum(CAST(cost_nano_usd AS DECIMAL(18, 0))), 0) AS cost_nano_usd
FROM events
WHERE type = 'llm_call'
GROUP BY day, coalesce(nullif(model, ''), 'other')
ORDER BY 1, 2
