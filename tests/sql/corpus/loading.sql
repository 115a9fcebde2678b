-- COPY INTO, read_files and files by their path

--@ file csv/a.csv
--| id,name
--| 1,Ada
--| 2,Bob
--@ file csv/b.csv
--| id,name
--| 3,Cid
--@ file json/a.json
--| {"id": 1, "tags": ["x"], "at": {"city": "Oslo"}}
--@ file text/a.txt
--| one
--| two

CREATE TABLE people (id INT, name STRING);
CREATE TABLE empty

--@ docs delta-copy-into
COPY INTO people FROM '{files}/csv' FILEFORMAT = CSV FORMAT_OPTIONS ('header' = 'true', 'inferSchema' = 'true')
--> 3 | 3 | 0

COPY INTO people FROM '{files}/csv' FILEFORMAT = CSV FORMAT_OPTIONS ('header' = 'true', 'inferSchema' = 'true')
--> 0 | 0 | 0

COPY INTO people FROM '{files}/csv' FILEFORMAT = CSV FILES = ('b.csv') FORMAT_OPTIONS ('header' = 'true', 'inferSchema' = 'true') COPY_OPTIONS ('force' = 'true')
--> 1 | 1 | 0

COPY INTO people FROM (SELECT id::int + 10 AS id, upper(name) AS name FROM '{files}/csv') FILEFORMAT = CSV PATTERN = 'a*.csv' FORMAT_OPTIONS ('header' = 'true') COPY_OPTIONS ('force' = 'true');
SELECT * FROM people WHERE id > 10 ORDER BY id
--> 11 | ADA
--> 12 | BOB

COPY INTO empty FROM '{files}/json' FILEFORMAT = JSON COPY_OPTIONS ('mergeSchema' = 'true');
SELECT id, tags, at.city FROM empty
--> 1 | [x] | Oslo

COPY INTO people FROM '{files}/csv' FILEFORMAT = CSV VALIDATE ALL FORMAT_OPTIONS ('header' = 'true', 'inferSchema' = 'true') COPY_OPTIONS ('force' = 'true')
--> 1 | Ada
--> 2 | Bob
--> 3 | Cid

COPY INTO people FROM '{files}/nosuchpath' FILEFORMAT = CSV
--! PATH_NOT_FOUND 42K03

COPY INTO nosuchtable FROM '{files}/csv' FILEFORMAT = CSV
--! DELTA_MISSING_DELTA_TABLE_COPY_INTO 42P01

COPY INTO people FROM '{files}/csv' FILEFORMAT = NOSUCH
--! COPY_INTO_SOURCE_FILE_FORMAT_NOT_SUPPORTED 0A000

--@ docs functions/read_files
SELECT id, name FROM read_files('{files}/csv', format => 'csv', header => true) ORDER BY id
--> 1 | Ada
--> 2 | Bob
--> 3 | Cid

SELECT * FROM read_files('{files}/csv/*.csv', header => true) LIMIT 0
--: id INT, name STRING, _rescued_data STRING
-->

SELECT id, name FROM read_files('{files}/csv', format => 'csv', header => true, schemaHints => 'id STRING') WHERE id = '3'
--: id STRING, name STRING
--> 3 | Cid

SELECT * FROM read_files('{files}/csv', format => 'csv', header => true, schema => 'id BIGINT, name STRING') ORDER BY id LIMIT 1
--: id BIGINT, name STRING
--> 1 | Ada

SELECT value FROM read_files('{files}/text', format => 'text') ORDER BY value
--> one
--> two

SELECT id, at:city::string FROM (SELECT id, to_json(at) AS at FROM read_files('{files}/json'))
--> 1 | Oslo

SELECT * FROM read_files('{files}/nosuchpath')
--! PATH_NOT_FOUND 42K03

SELECT _metadata.file_name, count(*) FROM read_files('{files}/csv', format => 'csv', header => true) GROUP BY ALL ORDER BY 1
--> a.csv | 2
--> b.csv | 1

--@ docs sql-ref-syntax-qry-select-file
SELECT * FROM json.`{files}/json/a.json`
--> {city: Oslo} | 1 | [x]

SELECT count(*) FROM text.`{files}/csv`
--> 5

SELECT * FROM parquet.`{files}/nosuchpath`
--! PATH_NOT_FOUND 42K03

--@ docs sql-ref-syntax-aux-list
LIST '{files}/csv'
--> …/csv/a.csv | a.csv | 20 | …
--> …/csv/b.csv | b.csv | 14 | …

--@ docs sql-ref-syntax-ddl-create-table-using
CREATE TABLE over (id INT, name STRING) USING csv OPTIONS (path '{files}/csv', header 'true');
SELECT * FROM over WHERE name = 'Bob'
--> 2 | Bob
