-- Arrays, maps, structs and higher-order functions

--@ docs functions/transform
SELECT transform(array(1, 2, 3), x -> x + 1), transform(array(1, 2, 3), (x, i) -> x + i)
--> [2, 3, 4] | [1, 3, 5]

--@ docs functions/filter
SELECT filter(array(1, 2, 3), x -> x % 2 == 1), filter(array(0, 2, 3), (x, i) -> x > i)
--> [1, 3] | [2, 3]

--@ docs functions/aggregate
SELECT aggregate(array(1, 2, 3), 0, (acc, x) -> acc + x), reduce(array(1, 2, 3), 0, (acc, x) -> acc + x, acc -> acc * 10)
--> 6 | 60

--@ docs functions/exists
SELECT exists(array(1, 2, 3), x -> x % 2 == 0), exists(array(1, NULL), x -> x > 5), forall(array(2, 4), x -> x % 2 == 0)
--> true | NULL | true

--@ docs functions/zip_with
SELECT zip_with(array(1, 2), array(3, 4), (x, y) -> x * y), zip_with(array(1), array('a', 'b'), (x, y) -> concat(x, y))
--> [3, 8] | [1a, NULL]

--@ docs functions/map_filter
SELECT map_filter(map(1, 0, 2, 2, 3, -1), (k, v) -> k > v), transform_keys(map('a', 1), (k, v) -> upper(k)), transform_values(map('a', 1), (k, v) -> v + 1)
--> {1: 0, 3: -1} | {A: 1} | {a: 2}

--@ docs functions/map_zip_with
SELECT map_zip_with(map(1, 'a', 2, 'b'), map(1, 'x'), (k, v1, v2) -> concat(v1, v2))
--> {1: ax, 2: NULL}

--@ docs functions/array_sort
SELECT array_sort(array('bc', 'ab', 'dc')), array_sort(array(5, 6, 1), (l, r) -> r - l), sort_array(array('c', NULL, 'a'), false)
--> [ab, bc, dc] | [6, 5, 1] | [c, a, NULL]

--@ docs functions/explode
SELECT explode(array(10, 20)) AS n, 'x' AS c
--> 10 | x
--> 20 | x

SELECT posexplode(array('a', 'b'))
--> 0 | a
--> 1 | b

SELECT * FROM explode(map('a', 1, 'b', 2)) AS t(k, v) ORDER BY k
--> a | 1
--> b | 2

--@ docs functions/inline
SELECT * FROM inline(array(struct(1, 'a'), struct(2, 'b')))
--> 1 | a
--> 2 | b

--@ docs functions/stack
SELECT stack(2, 1, 2, 3) AS (first, second)
--> 1 | 2
--> 3 | NULL

--@ docs functions/array_contains
SELECT array_contains(array(1, 2, 3), 2), array_position(array(3, 2, 1), 1), array_max(array(1, 20, NULL)), array_min(array(1, 20))
--> true | 3 | 20 | 1

--@ docs functions/array_distinct
SELECT array_distinct(array(1, 2, 3, 2)), array_union(array(1, 2), array(2, 3)), array_intersect(array(1, 2), array(2)), array_except(array(1, 2), array(2))
--> [1, 2, 3] | [1, 2, 3] | [2] | [1]

--@ docs functions/array_append
SELECT array_append(array(1, 2), 3), array_prepend(array(1), 0), array_insert(array('a', 'c'), 2, 'b'), array_remove(array(1, 2, 1), 1), array_compact(array(1, NULL))
--> [1, 2, 3] | [0, 1] | [a, b, c] | [2] | [1]

--@ docs functions/array_join
SELECT array_join(array('hello', NULL, 'world'), ','), array_join(array('hello', NULL), ' ', '-'), array_repeat('x', 2), array_size(array(1, 2))
--> hello,world | hello - | [x, x] | 2

--@ docs functions/arrays_zip
SELECT arrays_zip(array(1, 2), array(2, 3)), flatten(array(array(1), array(2))), slice(array(1, 2, 3, 4), 2, 2), arrays_overlap(array(1), array(1, 2))
--> [{0: 1, 1: 2}, {0: 2, 1: 3}] | [1, 2] | [2, 3] | true

--@ docs functions/bracketsign
SELECT a[0], m['k'] FROM (SELECT array(1, 2) AS a, map('k', 'v') AS m)
--> 1 | v

SELECT array(1, 2)[2]
--! INVALID_ARRAY_INDEX 22003

SELECT map('a', 1)['b']
--> NULL

--@ docs functions/element_at
SELECT element_at(array(1, 2, 3), -1), element_at(map('a', 1), 'a'), try_element_at(array(1), 5), get(array(1), 5)
--> 3 | 1 | NULL | NULL

SELECT element_at(array(1, 2), 5)
--! INVALID_ARRAY_INDEX_IN_ELEMENT_AT 22003

SELECT element_at(array(1, 2), 0)
--! INVALID_INDEX_OF_ZERO 22003

--@ docs functions/map
SELECT map_keys(map(1, 'a')), map_values(map(1, 'a')), map_entries(map(1, 'a')), map_concat(map(1, 'a'), map(2, 'b')), map_contains_key(map(1, 'a'), 1)
--> [1] | [a] | [{key: 1, value: a}] | {1: a, 2: b} | true

SELECT map(1, 'a', 1, 'b')
--! DUPLICATED_MAP_KEY 23505

--@ docs functions/map_from_arrays
SELECT map_from_arrays(array(1, 3), array('2', '4')), map_from_entries(array(struct(1, 'a')))
--> {1: 2, 3: 4} | {1: a}

--@ docs functions/named_struct
SELECT named_struct('a', 1, 'b', 2).a, struct(1, 2).col1, s.* FROM (SELECT named_struct('x', 5, 'y', 6) AS s)
--> 1 | 1 | 5 | 6

--@ docs functions/cardinality
SELECT cardinality(array('b', 'd')), size(map('a', 1)), size(NULL)
--> 2 | 1 | NULL

--@ docs sql-ref-lambda-functions
SELECT array_sort(array(struct(2 AS a, 'x' AS b), struct(1 AS a, 'y' AS b)), (l, r) -> CASE WHEN l.a < r.a THEN -1 WHEN l.a > r.a THEN 1 ELSE 0 END).b
--> [y, x]
