-- SQL scripts

--@ docs control-flow/compound-stmt
BEGIN
  DECLARE a INT DEFAULT 1;
  SET a = a + 1;
  SELECT a;
END
--> 2

BEGIN
  SELECT nosuchvariable;
END
--! UNRESOLVED_COLUMN.WITHOUT_SUGGESTION 42703

BEGIN
  DECLARE EXIT HANDLER FOR DIVIDE_BY_ZERO BEGIN SELECT 'caught'; END;
  SELECT 1 / 0;
END
--> caught

BEGIN
  DECLARE EXIT HANDLER FOR SQLEXCEPTION SELECT 'any';
  SELECT CAST('x' AS INT);
END
--> any

--@ docs control-flow/if-stmt
BEGIN
  DECLARE n INT DEFAULT 5;
  IF n > 3 THEN SELECT 'large'; ELSEIF n > 1 THEN SELECT 'some'; ELSE SELECT 'few'; END IF;
END
--> large

--@ docs control-flow/case-stmt
BEGIN
  DECLARE c INT DEFAULT 2;
  CASE c WHEN 1 THEN SELECT 'one'; WHEN 2 THEN SELECT 'two'; ELSE SELECT 'many'; END CASE;
END
--> two

--@ docs control-flow/while-stmt
BEGIN
  DECLARE i, total INT DEFAULT 0;
  adding: WHILE i < 10 DO
    SET i = i + 1;
    IF i % 2 = 0 THEN ITERATE adding; END IF;
    SET total = total + i;
  END WHILE adding;
  SELECT total;
END
--> 25

--@ docs control-flow/loop-stmt
BEGIN
  DECLARE i INT DEFAULT 0;
  counting: LOOP
    SET i = i + 1;
    IF i = 4 THEN LEAVE counting; END IF;
  END LOOP counting;
  SELECT i;
END
--> 4

--@ docs control-flow/repeat-stmt
BEGIN
  DECLARE i INT DEFAULT 0;
  REPEAT SET i = i + 2; UNTIL i >= 5 END REPEAT;
  SELECT i;
END
--> 6

--@ docs control-flow/for-stmt
BEGIN
  DECLARE total INT DEFAULT 0;
  FOR row AS SELECT id FROM range(4) DO
    SET total = total + row.id;
  END FOR;
  SELECT total;
END
--> 6

--@ docs control-flow/signal-stmt
BEGIN
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no';
END
--! USER_RAISED_EXCEPTION 45000
--~ Spark 4.2 has no SIGNAL
--! PARSE_SYNTAX_ERROR 42601

--@ docs control-flow/leave-stmt
BEGIN
  outer_block: BEGIN
    LEAVE outer_block;
    SELECT 'never';
  END outer_block;
  SELECT 'after';
END
--> after

--@ docs control-flow/compound-stmt
BEGIN
  CREATE TABLE made_in_script (a INT);
  INSERT INTO made_in_script VALUES (1), (2);
END

SELECT sum(a) FROM made_in_script
--> 3
