-- JSON, CSV, XML and VARIANT

--@ docs functions/from_json
SELECT from_json('{"a":1, "b":0.8}', 'a INT, b DOUBLE'), from_json('{"a":', 'a INT'), from_json('[1,2]', 'ARRAY<INT>')
--> {a: 1, b: 0.8} | {a: NULL} | [1, 2]

SELECT from_json('{"a":"x"}', 'a INT', map('mode', 'FAILFAST'))
--! MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION 22023

--@ docs functions/to_json
SELECT to_json(named_struct('a', 1, 'b', NULL, 'c', array(1, 2))), to_json(map('k', 'v')), to_json(struct(DATE'2024-01-02' AS d))
--> {"a":1,"c":[1,2]} | {"k":"v"} | {"d":"2024-01-02"}

--@ docs functions/get_json_object
SELECT get_json_object('{"a":"b"}', '$.a'), get_json_object('{"a":[1,2]}', '$.a[1]'), get_json_object('{', '$.a')
--> b | 2 | NULL

--@ docs functions/json_array_length
SELECT json_array_length('[1,2,3,{"f1":1,"f2":[5,6]},4]'), json_object_keys('{"f1":"abc","f2":1}')
--> 5 | [f1, f2]

--@ docs functions/json_tuple
SELECT a, b FROM VALUES ('{"a":1, "b":2}') AS t(j), LATERAL json_tuple(j, 'a', 'b') AS (a, b)
--> 1 | 2

--@ docs functions/colonsign
SELECT c1:price FROM VALUES ('{"price": 5}') AS T(c1)
--> 5

SELECT c1:price::decimal(5,2), c1:item[1].model FROM VALUES ('{"price": 5.3, "item": [{"model": "basic"}, {"model": "medium"}]}') AS T(c1)
--> 5.30 | medium

SELECT c1:item[*].model FROM VALUES ('{"item": [{"model": "basic"}, {"model": "medium"}]}') AS T(c1)
--> ["basic","medium"]
--~ Spark 4.2's grammar of paths has no [*]
--! INVALID_USAGE_OF_STAR_OR_REGEX 42000

SELECT c1:['price'], c1:Price FROM VALUES ('{"price": 5}') AS T(c1)
--> 5 | 5
--~ names are found as they are written
--> 5 | NULL

--@ docs functions/from_csv
SELECT from_csv('1, 0.8', 'a INT, b DOUBLE'), to_csv(named_struct('a', 1, 'b', 'x,y'))
--> {a: 1, b: 0.8} | 1,"x,y"

--@ docs functions/from_xml
SELECT from_xml('<p><a>1</a><b>0.8</b></p>', 'a INT, b DOUBLE'), schema_of_xml('<p><a>1</a></p>')
--> {a: 1, b: 0.8} | STRUCT<a: BIGINT>

--@ docs functions/xpath
SELECT xpath('<a><b>b1</b><b>b2</b></a>', 'a/b/text()'), xpath_int('<a><b>1</b><b>2</b></a>', 'sum(a/b)')
--> [b1, b2] | 3

--@ docs functions/parse_json
SELECT parse_json('{"key": 123, "data": [4, "x", null]}') AS v
--: v VARIANT
--> {"data":[4,"x",null],"key":123}

SELECT parse_json('[1,')
--! MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION 22023

--@ docs functions/try_parse_json
SELECT try_parse_json('{"a":1}') IS NULL, try_parse_json('[1,') IS NULL
--> false | true

--@ docs functions/variant_get
SELECT variant_get(parse_json('{"key": 123, "data": [4, 5]}'), '$.data[1]', 'int'), try_variant_get(parse_json('{"a": "x"}'), '$.a', 'int')
--> 5 | NULL

SELECT variant_get(parse_json('{"a": "hello"}'), '$.a', 'int')
--! INVALID_VARIANT_CAST 22023

--@ docs data-types/variant-type
SELECT v:a.b::int, v:list[0]::string, typeof(v), v:none::string FROM (SELECT parse_json('{"a": {"b": 7}, "list": ["x"]}') AS v)
--> 7 | x | variant | NULL

SELECT CAST(parse_json('[1,2]') AS ARRAY<INT>), CAST(5 AS VARIANT) AS v
--> [1, 2] | 5

SELECT v FROM VALUES (parse_json('1')) AS t(v) GROUP BY v
--! GROUP_EXPRESSION_TYPE_IS_NOT_ORDERABLE 42822

--@ docs functions/schema_of_variant
SELECT schema_of_variant(parse_json('{"a": 1, "b": ["x"]}')), is_variant_null(parse_json('null')), is_variant_null(NULL)
--> OBJECT<a: BIGINT, b: ARRAY<STRING>> | true | false

--@ docs functions/variant_explode
SELECT pos, key, value::string FROM variant_explode(parse_json('[1, "b"]'))
--> 0 | NULL | 1
--> 1 | NULL | b

SELECT key, value::int FROM LATERAL variant_explode(parse_json('{"a": 1, "b": 2}'))
--> a | 1
--> b | 2

--@ docs functions/to_variant_object
SELECT to_variant_object(named_struct('a', 1, 'b', array('x'))) AS v
--> {"a":1,"b":["x"]}

--@ docs functions/schema_of_variant_agg
SELECT schema_of_variant_agg(a) FROM VALUES (parse_json('{"foo": "bar"}')), (parse_json('{"foo": 1}')) AS data(a)
--> OBJECT<foo: VARIANT>
