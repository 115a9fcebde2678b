-- Views, schemas, functions and volumes

CREATE TABLE base (a INT, b STRING);
INSERT INTO base VALUES (1, 'x'), (2, 'y')

--@ docs sql-ref-syntax-ddl-create-view
CREATE VIEW plain AS SELECT a FROM base;
SELECT * FROM plain
--> 1
--> 2

CREATE VIEW plain AS SELECT 1
--! TABLE_OR_VIEW_ALREADY_EXISTS 42P07

CREATE VIEW IF NOT EXISTS plain AS SELECT 'other' AS x
-->

CREATE OR REPLACE VIEW plain (first COMMENT 'the first', second) COMMENT 'about' AS SELECT a, b FROM base;
SELECT second, first FROM plain ORDER BY first
--> x | 1
--> y | 2

CREATE VIEW over AS SELECT first + 1 AS n FROM plain WHERE second = 'y';
SELECT n FROM over
--> 3

CREATE VIEW broken AS SELECT nope FROM base
--! UNRESOLVED_COLUMN.WITH_SUGGESTION 42703

CREATE VIEW broken AS SELECT * FROM nosuchtable
--! TABLE_OR_VIEW_NOT_FOUND 42P01

CREATE VIEW arity (x) AS SELECT a, b FROM base
--! CREATE_VIEW_COLUMN_ARITY_MISMATCH.TOO_MANY_DATA_COLUMNS 21S01

--@ docs sql-ref-syntax-ddl-alter-view
ALTER VIEW over AS SELECT 5 AS n;
SELECT * FROM over
--> 5

ALTER VIEW over RENAME TO above;
SELECT * FROM above
--> 5

ALTER VIEW above SET TBLPROPERTIES ('k' = 'v')
-->

--@ docs sql-ref-syntax-ddl-drop-view
DROP VIEW above
-->

DROP VIEW above
--! TABLE_OR_VIEW_NOT_FOUND 42P01
--~ Spark 4.2 has a condition for views alone
--! VIEW_NOT_FOUND 42P01

DROP VIEW base
--! WRONG_COMMAND_FOR_OBJECT_TYPE 42809

--@ docs sql-ref-syntax-ddl-create-schema
CREATE SCHEMA {schema}_more COMMENT 'more' WITH DBPROPERTIES ('k' = 'v')
-->

CREATE SCHEMA {schema}_more
--! SCHEMA_ALREADY_EXISTS 42P06

CREATE SCHEMA IF NOT EXISTS {schema}_more
-->

--@ docs sql-ref-syntax-aux-describe-schema
DESCRIBE SCHEMA {schema}_more
--> Catalog Name | main
--> Namespace Name | {schema}_more
--> Comment | more
--> …

--@ docs sql-ref-syntax-ddl-drop-schema
CREATE TABLE {schema}_more.t (a INT);
DROP SCHEMA {schema}_more
--! SCHEMA_NOT_EMPTY 2BP01

DROP SCHEMA {schema}_more CASCADE
-->

DROP SCHEMA {schema}_more
--! SCHEMA_NOT_FOUND 42704

--@ docs sql-ref-syntax-ddl-create-catalog
CREATE CATALOG {schema}_cat COMMENT 'one more';
CREATE SCHEMA {schema}_cat.s;
CREATE TABLE {schema}_cat.s.t AS SELECT 3 AS n;
SELECT n FROM {schema}_cat.s.t
--> 3

--@ docs sql-ref-syntax-ddl-drop-catalog
DROP CATALOG {schema}_cat CASCADE
-->

DROP CATALOG {schema}_cat
--! NO_SUCH_CATALOG_EXCEPTION 42704

DROP CATALOG IF EXISTS {schema}_cat
-->

--@ docs sql-ref-syntax-ddl-create-volume
CREATE VOLUME landing COMMENT 'in';
SHOW VOLUMES
--> {schema} | files
--> {schema} | landing

CREATE VOLUME landing
--! VOLUME_ALREADY_EXISTS 42000

--@ docs sql-ref-syntax-ddl-drop-volume
DROP VOLUME landing
-->

DROP VOLUME landing
--! VOLUME_DOES_NOT_EXIST 42704
