-- The errors of each type on each UTC day, and how often recovery was tried and worked.
SELECT
  day,
  coalesce(error_type, '') AS error_type,
  count(*) AS errors,
  count(CASE WHEN recovery_attempted THEN 1 END) AS recovery_attempted,
  count(CASE WHEN recovery_attempted AND recovery_success THEN 1 END) AS recovered
FROM events
WHERE type = 'error'
GROUP BY day, coalesce(error_type, '')
ORDER BY 1, 2
