-- INSERT, UPDATE, DELETE, MERGE

CREATE TABLE t (id INT, name STRING, n INT);
CREATE TABLE s (id INT, name STRING, n INT)

--@ docs sql-ref-syntax-dml-insert-into
INSERT INTO t VALUES (1, 'a', 10), (2, 'b', 20)
--: num_affected_rows BIGINT, num_inserted_rows BIGINT
--> 2 | 2
--~ notebook: spark.sql gives no counts of an INSERT, as Spark's own
-->

INSERT INTO t (name, id) VALUES ('c', 3)
--> 1 | 1
--~ notebook: spark.sql gives no counts of an INSERT, as Spark's own
-->

INSERT INTO t BY NAME SELECT 40 AS n, 4 AS id
--> 1 | 1
--~ notebook: spark.sql gives no counts of an INSERT, as Spark's own
-->

INSERT INTO t VALUES (1)
--! DELTA_INSERT_COLUMN_ARITY_MISMATCH 42802

INSERT INTO t (id, nope) VALUES (1, 2)
--! UNRESOLVED_COLUMN.WITH_SUGGESTION 42703

INSERT INTO t VALUES ('x', 'y', 1)
--! CAST_INVALID_INPUT 22018

INSERT INTO t TABLE s
--> 0 | 0
--~ notebook: spark.sql gives no counts of an INSERT, as Spark's own
-->

INSERT INTO t REPLACE WHERE id = 4 SELECT 4, 'd', 44
--> 1 | 1
--~ notebook: spark.sql gives no counts of an INSERT, as Spark's own
-->

INSERT INTO t REPLACE WHERE id = 4 SELECT 5, 'e', 0
--! DELTA_REPLACE_WHERE_MISMATCH 44000

SELECT * FROM t ORDER BY id
--> 1 | a | 10
--> 2 | b | 20
--> 3 | c | NULL
--> 4 | d | 44

INSERT WITH SCHEMA EVOLUTION INTO t SELECT 5 AS id, 'e' AS name, 50 AS n, true AS extra;
SELECT * FROM t WHERE id >= 4 ORDER BY id
--> 4 | d | 44 | NULL
--> 5 | e | 50 | true

--@ docs delta-update
UPDATE t SET n = n + 1, name = upper(name) WHERE id <= 2
--: num_affected_rows BIGINT
--> 2

UPDATE t SET n = 0 WHERE false
--> 0

UPDATE t SET nope = 1
--! UNRESOLVED_COLUMN.WITH_SUGGESTION 42703

UPDATE t SET n = -1 WHERE id IN (SELECT 5)
--> 1

--@ docs delta-delete-from
DELETE FROM t WHERE id = 5
--> 1

DELETE FROM t AS d WHERE EXISTS (SELECT 1 FROM VALUES (4) AS v(id) WHERE v.id = d.id)
--> 1

DELETE FROM nosuchtable
--! TABLE_OR_VIEW_NOT_FOUND 42P01

SELECT id, name, n FROM t ORDER BY id
--> 1 | A | 11
--> 2 | B | 21
--> 3 | c | NULL

--@ docs delta-merge-into
INSERT INTO s VALUES (2, 'two', 2), (9, 'nine', 9);
MERGE INTO t USING s ON t.id = s.id
WHEN MATCHED THEN UPDATE SET name = s.name
WHEN NOT MATCHED THEN INSERT (id, name, n) VALUES (s.id, s.name, s.n)
--: num_affected_rows BIGINT, num_updated_rows BIGINT, num_deleted_rows BIGINT, num_inserted_rows BIGINT
--> 2 | 1 | 0 | 1

MERGE INTO t USING s ON t.id = s.id
WHEN MATCHED AND s.n > 5 THEN DELETE
WHEN MATCHED THEN UPDATE SET name = s.name
WHEN NOT MATCHED BY SOURCE AND t.id = 1 THEN UPDATE SET n = 100
--> 3 | 2 | 1 | 0

MERGE INTO t USING (SELECT 1 AS id, 'one' AS name, 1 AS n, false AS extra) AS u ON t.id = u.id WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT *
--> 1 | 0 | 1 | 0

MERGE WITH SCHEMA EVOLUTION INTO s USING (SELECT 9 AS id, 'neun' AS name, 9 AS n, 'new' AS more) AS u ON s.id = u.id WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *;
SELECT * FROM s ORDER BY id
--> 2 | two | 2 | NULL
--> 9 | neun | 9 | new

MERGE INTO t USING (SELECT * FROM VALUES (3, 'x'), (3, 'y') AS v(id, name)) AS u ON t.id = u.id WHEN MATCHED THEN UPDATE SET name = u.name
--! DELTA_MULTIPLE_SOURCE_ROW_MATCHING_TARGET_ROW_IN_MERGE 21506

MERGE INTO t USING s ON t.id = s.id WHEN MATCHED THEN UPDATE SET nope = 1
--! DELTA_MERGE_UNRESOLVED_EXPRESSION 42601

--@ docs sql-ref-syntax-dml-insert-overwrite-table
INSERT OVERWRITE TABLE s SELECT 1, 'only', 1, 'row';
SELECT * FROM s
--> 1 | only | 1 | row

--@ docs sql-ref-syntax-dml-insert-overwrite-directory
INSERT OVERWRITE DIRECTORY '{files}/out' USING csv OPTIONS ('header' = 'true') SELECT 1 AS a, 'x' AS b;
SELECT * FROM csv.`{files}/out` WHERE _c0 <> 'a'
--> 1 | x
