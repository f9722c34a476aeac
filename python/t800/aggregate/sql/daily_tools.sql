-- The calls of each tool on each UTC day. A quantile is the nearest rank: a duration that occurred.
SELECT
  day,
  coalesce(nullif(tool, ''), 'other') AS tool,
  count(*) AS calls,
  count(CASE WHEN NOT success THEN 1 END) AS failed,
  count(CASE WHEN interrupted AND success IS NOT FALSE THEN 1 END) AS interrupted,
  count(duration_us) AS timed,
  sum(CAST(duration_us AS DECIMAL(18, 0))) AS sum_us,
  max(duration_us) AS max_us,
  percentile_disc(0.5) WITHIN GROUP (ORDER BY duration_ms) AS p50_ms,
  percentile_disc(0.95) WITHIN GROUP (ORDER BY duration_ms) AS p95_ms,
  percentile_disc(0.99) WITHIN GROUP (ORDER BY duration_ms) AS p99_ms
FROM events
WHERE type = 'tool_call'
GROUP BY day, coalesce(nullif(tool, ''), 'other')
ORDER BY 1, 2
