-- Tables: CREATE, ALTER, DROP

--@ docs sql-ref-syntax-ddl-create-table-using
CREATE TABLE student (id INT, name STRING, age INT)
-->

CREATE TABLE student (id INT)
--! TABLE_OR_VIEW_ALREADY_EXISTS 42P07

CREATE TABLE IF NOT EXISTS student (other STRING)
-->

CREATE TABLE copied COMMENT 'about' TBLPROPERTIES ('team' = 'blue') AS SELECT 1 AS id, 'a' AS name;
SELECT * FROM copied
--> 1 | a

CREATE OR REPLACE TABLE copied (n BIGINT NOT NULL DEFAULT 7 COMMENT 'key') TBLPROPERTIES ('delta.feature.allowColumnDefaults' = 'supported');
INSERT INTO copied VALUES (DEFAULT);
SELECT * FROM copied
--> 7

INSERT INTO copied VALUES (NULL)
--! DELTA_NOT_NULL_CONSTRAINT_VIOLATED 23502

CREATE TABLE parts (id INT, day DATE) PARTITIONED BY (day)
-->

SHOW PARTITIONS parts
-->

CREATE TABLE nowhere.s.t (a INT)
--! NO_SUCH_CATALOG_EXCEPTION 42704
--~ Spark takes an unknown first part for a schema of the current catalog
--! SCHEMA_NOT_FOUND 42704

CREATE TABLE main.nosuchschema.t (a INT)
--! SCHEMA_NOT_FOUND 42704

CREATE TABLE twice (a INT, a STRING)
--! COLUMN_ALREADY_EXISTS 42711

CREATE TABLE raw (a INT) USING nosuchformat
--! DATA_SOURCE_NOT_FOUND 42K02

CREATE TABLE made (id BIGINT GENERATED ALWAYS AS IDENTITY (START WITH 10 INCREMENT BY 5), name STRING, shout STRING GENERATED ALWAYS AS (upper(name)));
INSERT INTO made (name) VALUES ('a');
SELECT * FROM made
--> 10 | a | A

INSERT INTO made (id, name) VALUES (1, 'b')
--! DELTA_IDENTITY_COLUMNS_EXPLICIT_INSERT_NOT_SUPPORTED 42808

--@ docs sql-ref-syntax-ddl-create-table-like
CREATE TABLE alike LIKE student;
SELECT * FROM alike
--: id INT, name STRING, age INT
-->

--@ docs sql-ref-syntax-ddl-cluster-by
CREATE TABLE clustered (a INT, b STRING) CLUSTER BY (a);
ALTER TABLE clustered CLUSTER BY (b)
-->

ALTER TABLE clustered CLUSTER BY NONE
-->

CREATE TABLE automatic (a INT) CLUSTER BY AUTO
-->

--@ docs sql-ref-syntax-ddl-alter-table-manage-column
ALTER TABLE student ADD COLUMNS (email STRING COMMENT 'where', age2 INT AFTER id);
DESCRIBE TABLE student
--> id | int | NULL
--> age2 | int | NULL
--> name | string | NULL
--> age | int | NULL
--> email | string | where

ALTER TABLE student ADD COLUMN name STRING
--! FIELD_ALREADY_EXISTS 42710

ALTER TABLE student ALTER COLUMN name COMMENT 'full name'
-->

ALTER TABLE student RENAME COLUMN name TO full_name
--! DELTA_UNSUPPORTED_RENAME_COLUMN 0AKDC

ALTER TABLE student SET TBLPROPERTIES ('delta.columnMapping.mode' = 'name');
ALTER TABLE student RENAME COLUMN name TO full_name;
ALTER TABLE student DROP COLUMN age2;
SELECT * FROM student
--: id INT, full_name STRING, age INT, email STRING
-->

ALTER TABLE student DROP COLUMN nope
--! UNRESOLVED_COLUMN.WITH_SUGGESTION 42703

ALTER TABLE student DROP COLUMN IF EXISTS nope
-->

ALTER TABLE student ALTER COLUMN id TYPE BIGINT
--! DELTA_UNSUPPORTED_ALTER_TABLE_CHANGE_COL_OP 0AKDC

ALTER TABLE student SET TBLPROPERTIES ('delta.enableTypeWidening' = 'true');
ALTER TABLE student ALTER COLUMN id TYPE BIGINT;
SELECT id FROM student
--: id BIGINT
-->

--@ docs sql-ref-syntax-ddl-tblproperties
ALTER TABLE student SET TBLPROPERTIES ('team' = 'red');
SHOW TBLPROPERTIES student ('team')
--> red

ALTER TABLE student UNSET TBLPROPERTIES IF EXISTS ('team', 'nope');
SHOW TBLPROPERTIES student ('team')
--> Table …student does not have property: team

--@ docs sql-ref-syntax-ddl-alter-table-add-constraint
ALTER TABLE student ADD CONSTRAINT adult CHECK (age >= 18);
INSERT INTO student (id, age) VALUES (1, 17)
--! DELTA_VIOLATE_CONSTRAINT_WITH_VALUES 23001

ALTER TABLE student ADD CONSTRAINT adult CHECK (age >= 21)
--! DELTA_CONSTRAINT_ALREADY_EXISTS 42710

--@ docs sql-ref-syntax-ddl-alter-table-drop-constraint
ALTER TABLE student DROP CONSTRAINT adult;
ALTER TABLE student DROP CONSTRAINT IF EXISTS adult
-->

ALTER TABLE student DROP CONSTRAINT adult
--! DELTA_CONSTRAINT_DOES_NOT_EXIST 42704

--@ docs sql-ref-syntax-ddl-create-table-constraint
CREATE TABLE keyed (k INT NOT NULL PRIMARY KEY, v STRING, CONSTRAINT short CHECK (length(v) < 3));
INSERT INTO keyed VALUES (1, 'ab'), (1, 'cd');
SELECT count(*) FROM keyed
--> 2

CREATE TABLE child (k INT, CONSTRAINT to_keyed FOREIGN KEY (k) REFERENCES keyed)
-->

CREATE TABLE second_child (k INT, CONSTRAINT to_keyed FOREIGN KEY (k) REFERENCES keyed (k))
-->

--@ docs sql-ref-syntax-ddl-alter-table
ALTER TABLE parts RENAME TO pieces;
SELECT * FROM pieces
-->

ALTER TABLE pieces SET TAGS ('cost' = 'low')
-->

ALTER TABLE nosuchtable ADD COLUMN a INT
--! TABLE_OR_VIEW_NOT_FOUND 42P01

--@ docs sql-ref-syntax-ddl-comment
COMMENT ON TABLE pieces IS 'all of them'
-->

--@ docs delta-clone
CREATE TABLE shallow SHALLOW CLONE keyed;
SELECT count(*) FROM shallow
--> 2

CREATE OR REPLACE TABLE deep DEEP CLONE keyed;
SELECT count(*) FROM deep
--> 2

--@ docs sql-ref-syntax-ddl-truncate-table
TRUNCATE TABLE keyed;
SELECT count(*) FROM keyed
--> 0

--@ docs sql-ref-syntax-ddl-drop-table
DROP TABLE keyed
-->

DROP TABLE keyed
--! TABLE_OR_VIEW_NOT_FOUND 42P01

DROP TABLE IF EXISTS keyed
-->

--@ docs sql-ref-syntax-ddl-row-filter
CREATE FUNCTION only_ones(k INT) RETURNS BOOLEAN RETURN k = 1;
CREATE TABLE filtered (k INT, v STRING) WITH ROW FILTER only_ones ON (k);
INSERT INTO filtered VALUES (1, 'a'), (2, 'b');
SELECT * FROM filtered
--> 1 | a

ALTER TABLE filtered DROP ROW FILTER;
SELECT k FROM filtered ORDER BY k
--> 1
--> 2

--@ docs sql-ref-syntax-ddl-column-mask
CREATE FUNCTION starred(v STRING) RETURNS STRING RETURN '*' || v;
ALTER TABLE filtered ALTER COLUMN v SET MASK starred;
SELECT v FROM filtered ORDER BY k
--> *a
--> *b
