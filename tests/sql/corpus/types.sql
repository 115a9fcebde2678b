-- Types and casts

--@ docs sql-ref-datatypes
SELECT 1Y AS a, 1S AS b, 1 AS c, 1L AS d, 1.5F AS e, 1.5D AS f, 1.50BD AS g, true AS h, 'x' AS i
--: a TINYINT, b SMALLINT, c INT, d BIGINT, e FLOAT, f DOUBLE, g DECIMAL(3,2), h BOOLEAN, i STRING
--> 1 | 1 | 1 | 1 | 1.5 | 1.5 | 1.50 | true | x

SELECT DATE'2024-01-02' AS a, TIMESTAMP'2024-01-02 03:04:05' AS b, TIMESTAMP_NTZ'2024-01-02 03:04:05.5' AS c
--: a DATE, b TIMESTAMP, c TIMESTAMP_NTZ
--> 2024-01-02 | 2024-01-02 03:04:05 | 2024-01-02 03:04:05.500000

SELECT array(1, 2) AS a, map('k', 1.5D) AS m, named_struct('x', 1, 'y', 'z') AS s
--: a ARRAY<INT>, m MAP<STRING,DOUBLE>, s STRUCT<X:INT,Y:STRING>
--> [1, 2] | {k: 1.5} | {x: 1, y: z}

SELECT array(named_struct('a', array('x', NULL))) AS deep, map('k', named_struct('v', true)) AS m
--> [{a: [x, NULL]}] | {k: {v: true}}

--@ docs data-types/decimal-type
SELECT typeof(5.345), typeof(10BD), CAST(5.345 AS DECIMAL(3,2)), CAST(12345678901234567890.12 AS DECIMAL(22,2))
--> decimal(4,3) | decimal(2,0) | 5.35 | 12345678901234567890.12

SELECT CAST(12345.6 AS DECIMAL(3,2))
--! NUMERIC_VALUE_OUT_OF_RANGE.WITH_SUGGESTION 22003

SELECT CAST(1 AS DECIMAL(39,0))
--! DECIMAL_PRECISION_EXCEEDS_MAX_PRECISION 22003

--@ docs data-types/double-type
SELECT CAST('NaN' AS DOUBLE) = CAST('NaN' AS DOUBLE), CAST('Infinity' AS DOUBLE) > 1, 0.0D = -0.0D, 1E3
--> true | true | true | 1000.0

--@ docs functions/cast
SELECT CAST(15 AS STRING), '15'::int, CAST(1 AS BOOLEAN), CAST('yes' AS BOOLEAN), CAST(2.9 AS INT), CAST(true AS INT)
--> 15 | 15 | true | true | 2 | 1

SELECT CAST('abc' AS INT)
--! CAST_INVALID_INPUT 22018

SELECT CAST(128 AS TINYINT)
--! CAST_OVERFLOW 22003

SELECT CAST(array(1) AS INT)
--! DATATYPE_MISMATCH.CAST_WITHOUT_SUGGESTION 42K09

SELECT CAST(DATE'2020-01-01' AS INT)
--! DATATYPE_MISMATCH.CAST_WITH_FUNC_SUGGESTION 42K09

SELECT CAST(array('1', '2') AS ARRAY<INT>), CAST(map('1', '2') AS MAP<INT, BIGINT>), CAST(named_struct('a', '1') AS STRUCT<b: INT>)
--> [1, 2] | {1: 2} | {b: 1}

--@ docs functions/try_cast
SELECT try_cast('10' AS INT), try_cast('a' AS INT), try_cast('2024-13-01' AS DATE), '5'?::int
--> 10 | NULL | NULL | 5
--~ Spark 4.2 has no operator ?::
--! PARSE_SYNTAX_ERROR 42601

--@ docs functions/typeof
SELECT typeof(array(1, 2)), typeof(NULL), typeof(struct(1 AS a)), typeof(INTERVAL '1' DAY), typeof(x'1F')
--> array<int> | void | struct<a:int> | interval day | binary

--@ docs data-types/null-type
SELECT NULL AS n, typeof(NULL)
--> NULL | void

--@ docs sql-ref-datatype-rules
SELECT typeof(coalesce(1Y, 1L)), typeof(coalesce(1, 1.5)), typeof(coalesce(1L, 1.0F)), typeof(array(1Y, 1L, 2S))
--> bigint | decimal(11,1) | double | array<bigint>

SELECT typeof(1 + '1'), 1 + '1', typeof(coalesce(1, '1'))
--> bigint | 2 | bigint

SELECT 'a' + 1
--! CAST_INVALID_INPUT 22018

SELECT array(1, DATE'2020-01-01')
--! DATATYPE_MISMATCH.DATA_DIFF_TYPES 42K09

--@ docs data-types/binary-type
SELECT hex(x'1F'), length(x'1F2A'), CAST('Spark' AS BINARY) = encode('Spark', 'UTF-8')
--> 1F | 2 | true

--@ docs functions/to_binary
SELECT hex(to_binary('abc', 'utf-8')), try_to_binary('GG', 'hex')
--> 616263 | NULL

--@ docs data-types/string-type
CREATE TABLE bounded (c CHAR(3), v VARCHAR(2)) USING parquet;
SELECT 1
--> 1

--@ docs sql-ref-syntax-ddl-create-table-using
INSERT INTO bounded VALUES ('a', 'toolong')
--! DELTA_EXCEED_CHAR_VARCHAR_LIMIT 22001
--~ here the table is a Parquet table
--! EXCEED_LIMIT_LENGTH 54006

--@ docs functions/schema_of_json
SELECT schema_of_json('[{"col":0}]'), schema_of_csv('1,abc')
--> ARRAY<STRUCT<col: BIGINT>> | STRUCT<_c0: INT, _c1: STRING>

--@ docs functions/bool_and
SELECT bool_and(c), bool_or(c), every(c), some(c) FROM VALUES (true), (false), (NULL) AS t(c)
--> false | true | false | true
