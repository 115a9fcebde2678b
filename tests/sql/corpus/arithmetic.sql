-- Operators and numbers

--@ docs functions/slashsign
SELECT 3 / 2, 2L / 2L
--> 1.5 | 1.0

SELECT 1 / 0
--! DIVIDE_BY_ZERO 22012

--@ docs functions/try_divide
SELECT try_divide(3, 2), try_divide(1, 0)
--> 1.5 | NULL

--@ docs functions/div
SELECT 5 div 2, -5 div 2
--> 2 | -2

--@ docs functions/percentsign
SELECT 2 % 1.8, MOD(-7, 3)
--> 0.2 | -1

SELECT 5 % 0
--! REMAINDER_BY_ZERO 22012

--@ docs functions/pmod
SELECT pmod(-10, 3)
--> 2

--@ docs functions/plussign
SELECT 1 + 2, DATE'2021-03-20' + INTERVAL '2' MONTH, DATE'2021-03-31' + INTERVAL '1' MONTH
--> 3 | 2021-05-20 | 2021-04-30

SELECT 127Y + 1Y
--! BINARY_ARITHMETIC_OVERFLOW 22003

SELECT 2147483647 + 1
--! ARITHMETIC_OVERFLOW 22003

--@ docs functions/try_add
SELECT try_add(2147483647, 1), try_add(1, 2)
--> NULL | 3

--@ docs functions/asterisksign
SELECT 3 * 2, 1.5 * 1.5
--> 6 | 2.25

--@ docs functions/abs
SELECT abs(-1), abs(-1.5)
--> 1 | 1.5

--@ docs functions/round
SELECT round(2.5, 0), bround(2.5, 0), round(-2.5), ceil(5.4), floor(-0.1)
--> 3 | 2 | -3 | 6 | -1

--@ docs functions/greatest
SELECT greatest(10, 9, 2, 4, 3), least(10, 9, 2, 4, 3), greatest(1, NULL)
--> 10 | 2 | 1

--@ docs functions/ampersandsign
SELECT 3 & 5, 3 | 5, 3 ^ 5, ~ 0, shiftleft(2, 1)
--> 1 | 7 | 6 | -1 | 4

--@ docs functions/eqeqsign
SELECT 2 = 2, 1 == '1', NULL = NULL, NULL <=> NULL, 1 <> 2
--> true | true | NULL | true | true

--@ docs functions/and
SELECT true AND NULL, false AND NULL, true OR NULL, NOT NULL
--> NULL | false | true | NULL

--@ docs functions/between
SELECT 4 BETWEEN 3 AND 5, 4 NOT BETWEEN 3 AND 5
--> true | false

--@ docs functions/in
SELECT 1 IN (1, 2, 3), 1 IN (2, NULL), (1, 2) IN ((1, 2), (2, 3))
--> true | NULL | true

--@ docs functions/case
SELECT CASE WHEN 1 > 2 THEN 'a' WHEN 2 > 1 THEN 'b' ELSE 'c' END, CASE 3 WHEN 1 THEN 'A' WHEN 3 THEN 'C' END
--> b | C

--@ docs functions/coalesce
SELECT coalesce(NULL, 1, NULL), ifnull(NULL, 2), nvl2(NULL, 2, 1), nullif(2, 2), nullifzero(0), zeroifnull(NULL)
--> 1 | 2 | 1 | NULL | NULL | 0

--@ docs functions/if
SELECT if(1 < 2, 'a', 'b')
--> a

--@ docs functions/iff
SELECT iff(1 > 2, 'a', 'b')
--> b
--~ Spark has no iff
--! UNRESOLVED_ROUTINE 42883

--@ docs functions/decode
SELECT decode(5, 6, 'Spark', 5, 'SQL', 'rocks'), decode(4, 6, 'Spark', 5, 'SQL')
--> SQL | NULL

--@ docs functions/conv
SELECT conv('100', 2, 10), hex(17), bin(13), factorial(5)
--> 4 | 11 | 1101 | 120

--@ docs functions/width_bucket
SELECT width_bucket(5.3, 0.2, 10.6, 5), sign(-3), sqrt(4), power(2, 3)
--> 3 | -1.0 | 2.0 | 8.0

--@ docs functions/ilike
SELECT 'Spark' ILIKE '_PARK', 'Spark' LIKE '_PARK', 'Spark' LIKE ALL ('S%', '%k'), 'Spark' LIKE ANY ('x', 'S%')
--> true | false | true | true

--@ docs functions/rlike
SELECT r'%SystemDrive%\Users\John' RLIKE r'%SystemDrive%\\Users.*', regexp_like('abc', '^a')
--> true | true
