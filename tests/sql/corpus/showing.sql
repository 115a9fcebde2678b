-- SHOW, DESCRIBE and the information schema

CREATE TABLE people (id INT NOT NULL COMMENT 'key', name STRING) COMMENT 'about people';
CREATE VIEW seen AS SELECT id FROM people

--@ docs sql-ref-syntax-aux-show-tables
SHOW TABLES
--: database STRING, tableName STRING, isTemporary BOOLEAN
--> {schema} | people | false
--> {schema} | seen | false

SHOW TABLES IN main.{schema} LIKE 'pe*'
--> {schema} | people | false

SHOW TABLES IN main.nosuchschema
--! SCHEMA_NOT_FOUND 42704

--@ docs sql-ref-syntax-aux-show-table
SHOW TABLE EXTENDED LIKE 'people'
--> {schema} | people | false | …

--@ docs sql-ref-syntax-aux-show-views
SHOW VIEWS
--: namespace STRING, viewName STRING, isTemporary BOOLEAN
--> {schema} | seen | false

--@ docs sql-ref-syntax-aux-show-columns
SHOW COLUMNS IN people
--: col_name STRING
--> id
--> name

--@ docs sql-ref-syntax-aux-show-schemas
SHOW SCHEMAS LIKE '{schema}'
--: databaseName STRING
--> {schema}

SHOW DATABASES IN nosuchcatalog
--! NO_SUCH_CATALOG_EXCEPTION 42704
--~ Spark takes an unknown first part for a schema of the current catalog
--! SCHEMA_NOT_FOUND 42704

--@ docs sql-ref-syntax-aux-show-catalogs
SHOW CATALOGS LIKE 'main'
--> main

SHOW CATALOGS LIKE 's*'
--> system

--@ docs sql-ref-syntax-aux-show-functions
SHOW SYSTEM FUNCTIONS LIKE 'concat'
--> concat

--@ docs sql-ref-syntax-aux-show-tblproperties
SHOW TBLPROPERTIES people ('delta.minReaderVersion')
--: value STRING
--> …

--@ docs sql-ref-syntax-aux-show-create-table
SHOW CREATE TABLE people
--> CREATE TABLE main.{schema}.people (…id INT NOT NULL COMMENT 'key'…name STRING…

SHOW CREATE TABLE seen
--> CREATE VIEW …{schema}.seen…SELECT id FROM people…

--@ docs sql-ref-syntax-aux-show-partitions
SHOW PARTITIONS people
--! DELTA_SHOW_PARTITION_IN_NON_PARTITIONED_TABLE 42809

--@ docs sql-ref-syntax-aux-describe-table
DESCRIBE TABLE people
--: col_name STRING, data_type STRING, comment STRING
--> id | int | key
--> name | string | NULL

DESCRIBE people id
--> col_name | id
--> data_type | int
--> comment | key

DESCRIBE TABLE EXTENDED people
--> id | int | key
--> # Detailed Table Information | '' | ''
--> Catalog | main | ''
--> Database | {schema} | ''
--> Table | people | ''
--> Comment | about people | ''
--> Type | MANAGED | ''
--> Provider | delta | ''
--> …

DESCRIBE TABLE nosuchtable
--! TABLE_OR_VIEW_NOT_FOUND 42P01

DESCRIBE TABLE EXTENDED people AS JSON
--> {"table_name":"people","catalog_name":"main","namespace":["{schema}"],"schema_name":"{schema}","columns":[{"name":"id","type":{"name":"int"},"comment":"key","nullable":false},{"name":"name","type":{"name":"string",…"type":"MANAGED",…"provider":"delta",…

DESCRIBE TABLE people AS JSON
--! DESCRIBE_JSON_NOT_EXTENDED 0A000

--@ docs sql-ref-syntax-aux-describe-query
DESCRIBE QUERY SELECT id, name AS n FROM people
--> id | int | key
--> n | string | NULL

--@ docs sql-ref-syntax-aux-describe-function
DESCRIBE FUNCTION upper
--> Function: upper
--> …

--@ docs information-schema/tables
SELECT table_catalog, table_name, table_type, comment FROM information_schema.tables WHERE table_schema = '{schema}' ORDER BY table_name
--> main | people | MANAGED | about people
--> main | seen | VIEW | NULL

--@ docs information-schema/columns
SELECT column_name, ordinal_position, is_nullable, full_data_type, comment FROM main.information_schema.columns WHERE table_schema = '{schema}' AND table_name = 'people' ORDER BY ordinal_position
--> id | 0 | NO | int | key
--> name | 1 | YES | string | NULL

--@ docs information-schema/schemata
SELECT schema_name FROM system.information_schema.schemata WHERE schema_name = '{schema}'
--> {schema}

SELECT schema_name FROM information_schema.schemata WHERE schema_name = '{schema}'
--> {schema}

--@ docs information-schema/catalogs
SELECT catalog_name FROM system.information_schema.catalogs WHERE catalog_name = 'main'
--> main

--@ docs information-schema/views
SELECT view_definition FROM information_schema.views WHERE table_schema = '{schema}'
--> SELECT id FROM people

--@ docs information-schema/volumes
SELECT volume_name, volume_type FROM information_schema.volumes WHERE volume_schema = '{schema}'
--> files | MANAGED

--@ docs security-grant
GRANT SELECT ON TABLE people TO `someone@example.com`
-->

--@ docs security-show-grant
SHOW GRANTS `someone@example.com` ON TABLE people
--: Principal STRING, ActionType STRING, ObjectType STRING, ObjectKey STRING
--> someone@example.com | SELECT | TABLE | main.{schema}.people

--@ docs security-revoke
REVOKE SELECT ON TABLE people FROM `someone@example.com`;
SHOW GRANTS `someone@example.com` ON TABLE people
-->

--@ docs security-deny
DENY SELECT ON TABLE people TO `someone@example.com`
--! UC_COMMAND_NOT_SUPPORTED.WITHOUT_RECOMMENDATION 0AKUC
--~ refused by name
--! UNSUPPORTED_FEATURE.LOCAL_HARNESS 0A000
