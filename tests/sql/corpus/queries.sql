-- SELECT and its clauses

--@ docs sql-ref-syntax-qry-select
SELECT DISTINCT a FROM VALUES (1), (1), (2) AS t(a) ORDER BY a
--> 1
--> 2

SELECT * EXCEPT (b) FROM VALUES (1, 2, 3) AS t(a, b, c)
--: a INT, c INT
--> 1 | 3

SELECT 1 AS a, a + 1 AS b, b * 2 AS c
--> 1 | 2 | 4

SELECT a FROM VALUES (3), (1), (2) AS t(a) ORDER BY a DESC NULLS LAST LIMIT 2 OFFSET 1
--> 2
--> 1

SELECT nope FROM VALUES (1) AS t(a)
--! UNRESOLVED_COLUMN.WITH_SUGGESTION 42703

SELECT a FROM VALUES (1) AS t(a), VALUES (2) AS u(a)
--! AMBIGUOUS_REFERENCE 42704

--@ docs sql-ref-syntax-qry-select-join
SELECT l.a, r.b FROM VALUES (1), (2) AS l(a) LEFT JOIN VALUES (2, 'x') AS r(a, b) ON l.a = r.a ORDER BY l.a
--> 1 | NULL
--> 2 | x

SELECT * FROM VALUES (1), (2) AS l(a) FULL JOIN VALUES (2), (3) AS r(a) USING (a) ORDER BY a
--> 1
--> 2
--> 3

SELECT a FROM VALUES (1), (2) AS l(a) LEFT ANTI JOIN VALUES (2) AS r(a) USING (a)
--> 1

SELECT a FROM VALUES (1), (2) AS l(a) LEFT SEMI JOIN VALUES (2) AS r(a) USING (a)
--> 2

SELECT a, b FROM VALUES (1), (2) AS l(a) CROSS JOIN VALUES ('x') AS r(b) ORDER BY a
--> 1 | x
--> 2 | x

SELECT t.a, u.n FROM VALUES (1), (2) AS t(a), LATERAL (SELECT t.a * 10 AS n) AS u ORDER BY 1
--> 1 | 10
--> 2 | 20

--@ docs sql-ref-syntax-qry-select-groupby
SELECT city, sum(q) FROM VALUES ('Fremont', 10), ('Fremont', 25), ('Dublin', 20) AS d(city, q) GROUP BY city ORDER BY city
--> Dublin | 20
--> Fremont | 35

SELECT city, model, sum(q) FROM VALUES ('F', 'a', 1), ('F', 'b', 2) AS d(city, model, q) GROUP BY ROLLUP (city, model) ORDER BY city NULLS FIRST, model NULLS FIRST
--> NULL | NULL | 3
--> F | NULL | 3
--> F | a | 1
--> F | b | 2

SELECT a, b, grouping_id() FROM VALUES (1, 2) AS t(a, b) GROUP BY GROUPING SETS ((a), (b), ()) ORDER BY 3
--> 1 | NULL | 1
--> NULL | 2 | 2
--> NULL | NULL | 3

SELECT a, count(*) FROM VALUES (1), (1), (2) AS t(a) GROUP BY ALL HAVING count(*) > 1
--> 1 | 2

SELECT a, sum(b) FROM VALUES (1, 2) AS t(a, b)
--! MISSING_GROUP_BY 42803

SELECT a, b, sum(b) FROM VALUES (1, 2) AS t(a, b) GROUP BY a
--! MISSING_AGGREGATION 42803

SELECT sum(q) FILTER (WHERE q > 1), count(DISTINCT q) FROM VALUES (1), (2), (2) AS t(q)
--> 4 | 2

--@ docs sql-ref-syntax-qry-select-where
SELECT a FROM VALUES (1), (2) AS t(a) WHERE sum(a) > 1
--! INVALID_WHERE_CONDITION 42903

--@ docs sql-ref-syntax-qry-select-setops
SELECT 1 UNION SELECT 1 UNION ALL SELECT 2
--> 1
--> 2

SELECT a FROM VALUES (1), (2), (2) AS t(a) INTERSECT SELECT 2
--> 2

SELECT a FROM VALUES (1), (2), (2) AS t(a) EXCEPT ALL SELECT 2
--> 1
--> 2

SELECT 1 UNION SELECT 1, 2
--! NUM_COLUMNS_MISMATCH 42826

--@ docs sql-ref-syntax-qry-select-cte
WITH t(x) AS (SELECT 1), u AS (SELECT x + 1 AS y FROM t) SELECT x, y FROM t, u
--> 1 | 2

WITH RECURSIVE r(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM r WHERE n < 4) SELECT sum(n) FROM r
--> 10

--@ docs sql-ref-syntax-qry-subqueries
SELECT (SELECT max(a) FROM VALUES (1), (5) AS t(a)), EXISTS (SELECT 1 WHERE false)
--> 5 | false

SELECT (SELECT a FROM VALUES (1), (2) AS t(a))
--! SCALAR_SUBQUERY_TOO_MANY_ROWS 21000

--@ docs sql-ref-syntax-qry-select-values
VALUES (1, 'a'), (2, 'b')
--> 1 | a
--> 2 | b

SELECT * FROM VALUES (1), (2, 3)
--! INVALID_INLINE_TABLE.NUM_COLUMNS_MISMATCH 42000

--@ docs sql-ref-syntax-qry-select-pivot
SELECT * FROM VALUES (2018, 1, 100), (2018, 2, 20), (2019, 1, 80) AS s(year, quarter, sales) PIVOT (sum(sales) AS s FOR quarter IN (1 AS q1, 2 AS q2)) ORDER BY year
--: year INT, q1 BIGINT, q2 BIGINT
--> 2018 | 100 | 20
--> 2019 | 80 | NULL

SELECT * FROM VALUES ('a', 1, 2) AS s(k, x, y) PIVOT (sum(x) AS sx, max(y) AS my FOR k IN ('a', 'b'))
--: a_sx BIGINT, a_my INT, b_sx BIGINT, b_my INT
--> 1 | 2 | NULL | NULL

--@ docs sql-ref-syntax-qry-select-unpivot
SELECT * FROM VALUES ('Toronto', 1, NULL), ('Oslo', 3, 4) AS s(city, q1, q2) UNPIVOT (sales FOR quarter IN (q1 AS `Jan-Mar`, q2 AS `Apr-Jun`)) ORDER BY city, quarter
--> Oslo | Apr-Jun | 4
--> Oslo | Jan-Mar | 3
--> Toronto | Jan-Mar | 1

SELECT * FROM VALUES (1, NULL) AS s(a, b) UNPIVOT INCLUDE NULLS (v FOR n IN (a, b)) ORDER BY n
--> a | 1
--> b | NULL

--@ docs sql-ref-syntax-qry-select-qualify
SELECT city, q FROM VALUES ('a', 1), ('a', 3), ('b', 2) AS d(city, q) QUALIFY row_number() OVER (PARTITION BY city ORDER BY q DESC) = 1 ORDER BY city
--> a | 3
--> b | 2

--@ docs sql-ref-syntax-qry-select-lateral-view
SELECT a, n FROM VALUES (1, array(10, 20)), (2, array()) AS t(a, l) LATERAL VIEW OUTER explode(l) AS n ORDER BY a, n
--> 1 | 10
--> 1 | 20
--> 2 | NULL

--@ docs sql-ref-syntax-qry-select-sampling
SELECT count(*) FROM (SELECT * FROM range(10)) TABLESAMPLE (3 ROWS)
--> 3

SELECT count(*) <= 100 FROM (SELECT * FROM range(100)) TABLESAMPLE (10 PERCENT) REPEATABLE (7)
--> true

--@ docs sql-ref-syntax-qry-query
FROM VALUES (1), (2), (3) AS t(a) |> WHERE a > 1 |> AGGREGATE sum(a) AS s
--> 5

--@ docs sql-ref-names-identifier-clause
SELECT IDENTIFIER('a') FROM VALUES (1) AS t(a)
--> 1

--@ docs sql-ref-syntax-qry-select-tvf
SELECT * FROM range(2, 8, 3)
--> 2
--> 5

--@ docs functions/sequence
SELECT * FROM range(0)
-->

--@ docs sql-ref-syntax-qry-explain
EXPLAIN SELECT 1
--> …Physical Plan…

--@ docs sql-ref-syntax-qry-select-hints
SELECT /*+ BROADCAST(t) */ a FROM VALUES (1) AS t(a)
--> 1

--@ docs sql-ref-syntax-qry-star
SELECT t.*, struct(*) FROM VALUES (1, 2) AS t(a, b)
--> 1 | 2 | {a: 1, b: 2}

--@ docs error-messages/parse-syntax-error-error-class
SELEC 1
--! PARSE_SYNTAX_ERROR 42601

SELECT (1
--! PARSE_SYNTAX_ERROR 42601

--@ docs error-messages/unresolved-routine-error-class
SELECT no_such_function(1)
--! UNRESOLVED_ROUTINE 42883

--@ docs error-messages/error-classes
SELECT upper('a', 'b')
--! WRONG_NUM_ARGS.WITHOUT_SUGGESTION 42605

SELECT sum(max(a)) FROM VALUES (1) AS t(a)
--! NESTED_AGGREGATE_FUNCTION 42607

SELECT a FROM VALUES (1) AS t(a) ORDER BY 2
--! ORDER_BY_POS_OUT_OF_RANGE 42805

SELECT raise_error('custom')
--! USER_RAISED_EXCEPTION P0001

SELECT assert_true(1 > 2)
--! USER_RAISED_EXCEPTION P0001
