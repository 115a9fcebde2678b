-- Aggregates and windows

--@ docs functions/count
SELECT count(*), count(a), count(DISTINCT a), count_if(a > 1) FROM VALUES (1), (2), (2), (NULL) AS t(a)
--> 4 | 3 | 2 | 2

--@ docs functions/sum
SELECT sum(a), avg(a), try_sum(a), sum(DISTINCT a) FROM VALUES (5), (10), (10) AS t(a)
--> 25 | 8.333333333333334 | 25 | 15

SELECT typeof(sum(1)), typeof(avg(1)), typeof(sum(1.5)), typeof(count(1))
--> bigint | double | decimal(12,1) | bigint

SELECT sum(c1) FROM VALUES (CAST(9223372036854775807 AS BIGINT)), (1L) AS t(c1)
--! ARITHMETIC_OVERFLOW 22003

--@ docs functions/max_by
SELECT max_by(x, y), min_by(x, y), any_value(1), first(x), last(x) FROM VALUES ('a', 10), ('b', 50) AS t(x, y)
--> b | a | 1 | a | b

--@ docs functions/collect_list
SELECT sort_array(collect_list(a)), sort_array(collect_set(a)), array_agg(a) IS NOT NULL FROM VALUES (1), (2), (1), (NULL) AS t(a)
--> [1, 1, 2] | [1, 2] | true

--@ docs functions/listagg
SELECT listagg(c, ', ') WITHIN GROUP (ORDER BY c), string_agg(DISTINCT c) WITHIN GROUP (ORDER BY c) FROM VALUES ('b'), ('a') AS t(c)
--> a, b | ab

--@ docs functions/percentile
SELECT percentile(a, 0.5), median(a), percentile_cont(0.25) WITHIN GROUP (ORDER BY a), percentile_disc(0.5) WITHIN GROUP (ORDER BY a), mode(a) FROM VALUES (0), (6), (7), (9), (10) AS t(a)
--> 7.0 | 7.0 | 6.0 | 7.0 | …

--@ docs functions/stddev
SELECT round(stddev(a), 4), round(var_pop(a), 4), round(corr(a, a), 1), skewness(a) IS NOT NULL FROM VALUES (1), (2), (3) AS t(a)
--> 1.0 | 0.6667 | 1.0 | true

--@ docs functions/approx_count_distinct
SELECT approx_count_distinct(a), approx_percentile(a, 0.5), approx_top_k(a, 1) FROM VALUES (1), (2), (2) AS t(a)
--> 2 | 2 | [{item: 2, count: 2}]

--@ docs functions/histogram_numeric
SELECT histogram_numeric(a, 5) FROM VALUES (0), (1), (2), (10) AS t(a)
--> [{x: 0, y: 1.0}, {x: 1, y: 1.0}, {x: 2, y: 1.0}, {x: 10, y: 1.0}]

--@ docs functions/grouping
SELECT a, grouping(a), sum(b) FROM VALUES (1, 2), (2, 3) AS t(a, b) GROUP BY CUBE (a) ORDER BY a NULLS LAST
--> 1 | 0 | 2
--> 2 | 0 | 3
--> NULL | 1 | 5

--@ docs functions/bit_and
SELECT bit_and(a), bit_or(a), bit_xor(a) FROM VALUES (3), (5) AS t(a)
--> 1 | 7 | 6

--@ docs sql-ref-window-functions
SELECT a, row_number() OVER (ORDER BY a), rank() OVER (ORDER BY a), dense_rank() OVER (ORDER BY a) FROM VALUES (1), (1), (2) AS t(a) ORDER BY 1, 2
--> 1 | 1 | 1 | 1
--> 1 | 2 | 1 | 1
--> 2 | 3 | 3 | 2

SELECT a, lag(a) OVER (ORDER BY a), lead(a, 1, 0) OVER (ORDER BY a) FROM VALUES (1), (2), (3) AS t(a) ORDER BY a
--> 1 | NULL | 2
--> 2 | 1 | 3
--> 3 | 2 | 0

SELECT a, sum(a) OVER (ORDER BY a ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM VALUES (1), (2), (3) AS t(a) ORDER BY a
--> 1 | 1
--> 2 | 3
--> 3 | 5

SELECT a, sum(a) OVER w, avg(a) OVER w FROM VALUES (1), (2), (3) AS t(a) WINDOW w AS (ORDER BY a DESC) ORDER BY a
--> 1 | 6 | 2.0
--> 2 | 5 | 2.5
--> 3 | 3 | 3.0

SELECT a, ntile(2) OVER (ORDER BY a), percent_rank() OVER (ORDER BY a), cume_dist() OVER (ORDER BY a) FROM VALUES (1), (2), (3), (4), (5) AS t(a) ORDER BY a LIMIT 2
--> 1 | 1 | 0.0 | 0.2
--> 2 | 1 | 0.25 | 0.4

SELECT first_value(a) IGNORE NULLS OVER (ORDER BY o), last_value(a) OVER (ORDER BY o ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) FROM VALUES (1, NULL), (2, 'x'), (3, 'y') AS t(o, a) ORDER BY o
--> NULL | y
--> x | y
--> x | y

SELECT nth_value(a, 2) OVER (ORDER BY a) FROM VALUES (1), (2) AS t(a) ORDER BY a
--> NULL
--> 2

SELECT d, sum(a) OVER (ORDER BY d RANGE BETWEEN INTERVAL 1 DAY PRECEDING AND CURRENT ROW) FROM VALUES (DATE'2024-01-01', 1), (DATE'2024-01-02', 2), (DATE'2024-01-05', 3) AS t(d, a) ORDER BY d
--> 2024-01-01 | 1
--> 2024-01-02 | 3
--> 2024-01-05 | 3

SELECT row_number() FROM VALUES (1) AS t(a)
--! WINDOW_FUNCTION_WITHOUT_OVER_CLAUSE 42601

SELECT a FROM VALUES (1) AS t(a) WHERE row_number() OVER (ORDER BY a) = 1
--! WINDOW_FUNCTION_NOT_ALLOWED_IN_CLAUSE 42601

--@ docs functions/window
SELECT window.start, sum(v) FROM VALUES (TIMESTAMP'2021-01-01 00:00:00', 1), (TIMESTAMP'2021-01-01 00:04:30', 2), (TIMESTAMP'2021-01-01 00:05:00', 4) AS t(ts, v) GROUP BY window(ts, '5 minutes') ORDER BY 1
--> 2021-01-01 00:00:00 | 3
--> 2021-01-01 00:05:00 | 4

--@ docs functions/session_window
SELECT count(*) FROM VALUES (TIMESTAMP'2021-01-01 00:00:00'), (TIMESTAMP'2021-01-01 00:04:30'), (TIMESTAMP'2021-01-01 01:00:00') AS t(ts) GROUP BY session_window(ts, '5 minutes') ORDER BY 1
--> 1
--> 2
