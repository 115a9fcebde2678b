-- Time travel and the care of Delta tables

CREATE TABLE t (id INT, name STRING) TBLPROPERTIES ('delta.enableChangeDataFeed' = 'true');
INSERT INTO t VALUES (1, 'a'), (2, 'b');
UPDATE t SET name = 'B' WHERE id = 2;
DELETE FROM t WHERE id = 1

--@ docs delta-describe-history
DESCRIBE HISTORY t
--> 3 | … | DELETE | {predicate: …
--> 2 | … | UPDATE | {predicate: …
--> 1 | … | WRITE | {…mode: Append…
--> 0 | … | CREATE TABLE | {…

SELECT operation FROM (DESCRIBE HISTORY t) WHERE version = 2
--> UPDATE

--@ docs sql-ref-syntax-qry-select-time-travel
SELECT * FROM t VERSION AS OF 1 ORDER BY id
--> 1 | a
--> 2 | b

SELECT count(*) FROM t FOR SYSTEM_VERSION AS OF 0
--> 0

SELECT * FROM t VERSION AS OF 99
--! DELTA_VERSION_NOT_FOUND 22003

SELECT * FROM t TIMESTAMP AS OF '1999-01-01'
--! DELTA_TIMESTAMP_EARLIER_THAN_COMMIT_RETENTION 42816

SELECT * FROM t TIMESTAMP AS OF '2999-01-01'
--! DELTA_TIMESTAMP_GREATER_THAN_COMMIT 42816

--@ docs functions/table_changes
SELECT id, name, _change_type, _commit_version FROM table_changes('t', 2) ORDER BY _commit_version, _change_type, id
--> 2 | B | update_postimage | 2
--> 2 | b | update_preimage | 2
--> 1 | a | delete | 3

--@ docs delta-restore
RESTORE TABLE t TO VERSION AS OF 1;
SELECT * FROM t ORDER BY id
--> 1 | a
--> 2 | b

--@ docs delta-optimize
OPTIMIZE t
--: path STRING, metrics STRUCT<…>
--> …

OPTIMIZE t ZORDER BY (nope)
--! DELTA_ZORDERING_COLUMN_DOES_NOT_EXIST 42703

OPTIMIZE t ZORDER BY (id)
--> …

--@ docs delta-vacuum
CREATE TABLE calm AS SELECT 1 AS a;
VACUUM calm DRY RUN
-->

VACUUM calm RETAIN 0 HOURS
--! DELTA_VACUUM_RETENTION_PERIOD_TOO_SHORT 22003

VACUUM calm
--> …

--@ docs delta-describe-detail
DESCRIBE DETAIL t
--> delta | … | main.{schema}.t | …delta.enableChangeDataFeed: true…

--@ docs delta-reorg-table
REORG TABLE t APPLY (PURGE)
--> …

--@ docs delta-convert-to-delta
CREATE TABLE old (a INT) USING parquet LOCATION '{files}/old';
INSERT INTO old VALUES (1);
CONVERT TO DELTA parquet.`{files}/old`;
SELECT * FROM delta.`{files}/old`
--> 1

--@ docs delta-generate
GENERATE symlink_format_manifest FOR TABLE t
-->

--@ docs sql-ref-syntax-aux-analyze-table
ANALYZE TABLE t COMPUTE STATISTICS
-->

--@ docs delta-fsck
FSCK REPAIR TABLE t DRY RUN
-->
--~ open-source Delta has no FSCK
--! PARSE_SYNTAX_ERROR 42601
