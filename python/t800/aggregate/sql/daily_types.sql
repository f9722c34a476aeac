-- How many events of each type a UTC day has.
SELECT day, coalesce(type, '') AS type, count(*) AS events
FROM events
GROUP BY day, coalesce(type, '')
ORDER BY 1, 2
