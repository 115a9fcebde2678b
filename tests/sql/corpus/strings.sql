-- Functions of strings

--@ docs functions/concat
SELECT concat('Spark', 'SQL'), 'a' || 'b', concat_ws(' ', 'Spark', NULL, 'SQL')
--> SparkSQL | ab | Spark SQL

--@ docs functions/substring
SELECT substring('Spark SQL', 5), substring('Spark SQL', -3), substring('Spark SQL' FROM 5 FOR 1), left('Spark', 2), right('Spark', 2)
--> k SQL | SQL | k | Sp | rk

--@ docs functions/upper
SELECT upper('SparkSql'), lower('SparkSql'), initcap('sPark sql')
--> SPARKSQL | sparksql | Spark Sql

--@ docs functions/trim
SELECT trim('  x  ') || '.', ltrim('x', 'xxSparkxx'), trim(BOTH 'x' FROM 'xxSparkxx'), rtrim('abc', 'SQLabcabc')
--> x. | Sparkxx | Spark | SQL

--@ docs functions/split
SELECT split('oneAtwoBthreeC', '[ABC]'), split('oneAtwoBthreeC', '[ABC]', 2)
--> [one, two, three, ''] | [one, twoBthreeC]

--@ docs functions/split_part
SELECT split_part('Hello,world,!', ',', 1), split_part('Hello,world,!', ',', -1), split_part('a', ',', 5)
--> Hello | ! | ''

SELECT split_part('a,b', ',', 0)
--! INVALID_INDEX_OF_ZERO 22003

--@ docs functions/regexp_replace
SELECT regexp_replace('100-200', '(\\d+)', 'num'), regexp_extract('100-200', '(\\d+)-(\\d+)', 1), regexp_count('Steven Jones and Stephen Smith', 'Ste(v|ph)en')
--> num-num | 100 | 2

--@ docs functions/regexp_extract_all
SELECT regexp_extract_all('100-200, 300-400', '(\\d+)-(\\d+)', 1)
--> [100, 300]

--@ docs functions/replace
SELECT replace('ABCabc', 'abc', 'DEF'), translate('AaBbCc', 'abc', '123'), overlay('Spark SQL' PLACING '_' FROM 6)
--> ABCDEF | A1B2C3 | Spark_SQL

--@ docs functions/lpad
SELECT lpad('hi', 5, 'ab'), rpad('hi', 5, 'ab'), lpad('hi', 1), repeat('ab', 2), reverse('abc')
--> abahi | hiaba | h | abab | cba

--@ docs functions/instr
SELECT instr('SparkSQL', 'SQL'), locate('bar', 'foobarbar', 5), position('bar', 'foobarbar')
--> 6 | 7 | 4

--@ docs functions/charindex
SELECT charindex('bar', 'abcbarbar')
--> 4
--~ Spark has no charindex
--! UNRESOLVED_ROUTINE 42883

--@ docs functions/startswith
SELECT startswith('SparkSQL', 'Spark'), endswith('SparkSQL', 'SQL'), contains('SparkSQL', 'kS')
--> true | true | true

--@ docs functions/length
SELECT length('Spark SQL '), char_length('ä'), octet_length('ä'), bit_length('a')
--> 10 | 1 | 2 | 8

--@ docs functions/format_string
SELECT format_string('Hello World %d %s', 100, 'days'), printf('%05.2f', 3.14159D), format_number(12332.123456, 4)
--> Hello World 100 days | 03.14 | 12,332.1235

--@ docs functions/to_number
SELECT to_number('454', '999'), to_number('$78.12', '$99.99'), to_char(454, '999'), to_char(-12.5, 'S99.9')
--> 454 | 78.12 | 454 | -12.5

SELECT to_number('12,34', '999')
--! INVALID_FORMAT.MISMATCH_INPUT 42601

--@ docs functions/try_to_number
SELECT try_to_number('abc', '999'), try_to_number('454', '999')
--> NULL | 454

--@ docs functions/sha2
SELECT md5('Spark'), crc32('Spark'), left(sha2('Spark', 256), 8), sha1('Spark')
--> 8cde774d6f7333752ed72cacddb05126 | 1557323817 | 529bc3b0 | 85f5955f4b27a9a4c2aab6ffe5d7189fc298b92c

--@ docs functions/base64
SELECT base64('Spark SQL'), decode(unbase64('U3BhcmsgU1FM'), 'UTF-8'), hex(encode('abc', 'UTF-8'))
--> U3BhcmsgU1FM | Spark SQL | 616263

--@ docs functions/levenshtein
SELECT levenshtein('kitten', 'sitting'), soundex('Miller'), ascii('234'), chr(65)
--> 3 | M460 | 50 | A

--@ docs functions/url_encode
SELECT url_encode('https://www.databricks.com'), parse_url('http://spark.apache.org/path?query=1', 'HOST'), parse_url('http://spark.apache.org/path?query=1', 'QUERY', 'query')
--> https%3A%2F%2Fwww.databricks.com | spark.apache.org | 1

--@ docs functions/mask
SELECT mask('AaBb-1234'), mask('AaBb-1234', 'Q', 'q', 'd', 'o')
--> XxXx-nnnn | QqQqodddd

--@ docs functions/find_in_set
SELECT find_in_set('ab', 'abc,b,ab,c,def'), elt(1, 'scala', 'java'), substring_index('www.apache.org', '.', 2)
--> 3 | scala | www.apache

--@ docs functions/str_to_map
SELECT str_to_map('a:1,b:2,c:3', ',', ':')
--> {a: 1, b: 2, c: 3}

--@ docs sql-ref-literals-string
SELECT 'O''Connell', r'\n', 'a' 'b', length('\t')
--> O'Connell | \n | ab | 1

--@ docs functions/collate
SELECT 'a' COLLATE UTF8_LCASE = 'A', collation('x'), contains('ABC' COLLATE UTF8_LCASE, 'b')
--> true | SYSTEM.BUILTIN.UTF8_BINARY | true

--@ docs functions/is_valid_utf8
SELECT is_valid_utf8('Spark'), try_validate_utf8(x'80')
--> true | NULL
