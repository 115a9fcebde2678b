-- Sessions: USE, SET, temporary views and variables

--@ doors thrift, notebook

--@ docs sql-ref-syntax-ddl-use-catalog
USE CATALOG hive_metastore;
SELECT current_catalog()
--> hive_metastore

USE CATALOG nosuchcatalog
--! NO_SUCH_CATALOG_EXCEPTION 42704

--@ docs sql-ref-syntax-ddl-use-schema
USE main.{schema};
SELECT current_catalog(), current_schema(), current_database()
--> main | {schema} | {schema}

USE SCHEMA nosuchschema
--! SCHEMA_NOT_FOUND 42704

--@ docs sql-ref-syntax-aux-conf-mgmt-set
SET ansi_mode = true
--> ansi_mode | true

SET spark.sql.shuffle.partitions = 3;
SET spark.sql.shuffle.partitions
--> spark.sql.shuffle.partitions | 3

--@ docs sql-ref-syntax-aux-conf-mgmt-set-timezone
SET TIME ZONE 'Europe/Paris';
SELECT current_timezone(), CAST(TIMESTAMP'2024-01-01 00:00:00 UTC' AS STRING)
--> Europe/Paris | 2024-01-01 01:00:00

SET TIME ZONE 'Nowhere/City'
--! INVALID_CONF_VALUE.TIME_ZONE 22022

--@ docs sql-ref-syntax-aux-conf-mgmt-reset
RESET spark.sql.session.timeZone;
SELECT current_timezone()
--> Etc/UTC

--@ docs sql-ref-syntax-ddl-create-view
CREATE TEMPORARY VIEW mine AS SELECT 1 AS a;
SELECT * FROM mine
--> 1

CREATE OR REPLACE TEMP VIEW mine AS SELECT 2 AS a;
SELECT * FROM mine
--> 2

CREATE TEMPORARY VIEW mine AS SELECT 3
--! TEMP_TABLE_OR_VIEW_ALREADY_EXISTS 42P07

DROP VIEW mine;
SELECT * FROM mine
--! TABLE_OR_VIEW_NOT_FOUND 42P01

--@ docs sql-ref-syntax-ddl-declare-variable
DECLARE VARIABLE v INT DEFAULT 5;
SELECT v, session.v
--> 5 | 5

DECLARE VARIABLE v STRING
--! VARIABLE_ALREADY_EXISTS 42723

--@ docs sql-ref-syntax-aux-set-variable
SET VAR v = v + 1;
SELECT v
--> 6

SET VARIABLE v = (SELECT max(a) FROM VALUES (3), (9) AS t(a));
SELECT v
--> 9

SET VAR nosuchvariable = 1
--! UNRESOLVED_VARIABLE 42883

SET VAR v = 'x'
--! CAST_INVALID_INPUT 22018

--@ docs sql-ref-syntax-ddl-drop-variable
DROP TEMPORARY VARIABLE v
-->

DROP TEMPORARY VARIABLE v
--! VARIABLE_NOT_FOUND 42883

--@ docs sql-ref-syntax-aux-execute-immediate
DECLARE OR REPLACE sqlstr STRING DEFAULT 'SELECT sum(c1) FROM VALUES (?), (?) AS t(c1)';
EXECUTE IMMEDIATE sqlstr USING 5, 6
--> 11

DECLARE OR REPLACE total INT;
EXECUTE IMMEDIATE 'SELECT :a + :b' INTO total USING 1 AS a, 2 AS b;
SELECT total
--> 3

EXECUTE IMMEDIATE 'SELECT :a' USING 1
--! ALL_PARAMETERS_MUST_BE_NAMED 07001

--@ docs sql-ref-syntax-ddl-create-sql-function
CREATE TEMPORARY FUNCTION area(x DOUBLE, y DOUBLE DEFAULT 2) RETURNS DOUBLE RETURN x * y;
SELECT area(3, 4), area(3)
--> 12.0 | 6.0

CREATE TEMPORARY FUNCTION upto(n INT) RETURNS TABLE(i INT) RETURN SELECT * FROM explode(sequence(1, n));
SELECT i FROM upto(3) WHERE i > 1 ORDER BY i
--> 2
--> 3

--@ docs sql-ref-syntax-ddl-drop-function
DROP TEMPORARY FUNCTION area
-->

DROP TEMPORARY FUNCTION area
--! ROUTINE_NOT_FOUND 42883

--@ docs functions/current_user
SELECT current_user() = session_user(), current_user() IS NOT NULL
--> true | true

--@ docs functions/version
SELECT version() IS NOT NULL, uuid() <> uuid(), length(uuid())
--> true | true | 36

--@ docs functions/input_file_name
SELECT monotonically_increasing_id() >= 0, spark_partition_id() >= 0, rand(1) = rand(1)
--> true | true | true
