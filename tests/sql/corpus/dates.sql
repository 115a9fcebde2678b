-- Dates, timestamps and intervals

--@ docs functions/date_add
SELECT date_add('2016-07-30', 1), date_sub('2016-07-30', 1), add_months('2016-08-31', 1), date_add(MONTH, 1, TIMESTAMP'2022-01-31 00:00:00')
--> 2016-07-31 | 2016-07-29 | 2016-09-30 | 2022-02-28 00:00:00

--@ docs functions/datediff
SELECT datediff('2009-07-31', '2009-07-30'), datediff(MONTH, DATE'2021-02-28', DATE'2021-03-28'), datediff(HOUR, TIMESTAMP'2021-01-01 00:30:00', TIMESTAMP'2021-01-01 03:00:00')
--> 1 | 1 | 2

--@ docs functions/date_format
SELECT date_format('2016-04-08', 'y'), date_format(TIMESTAMP'2016-04-08 13:05:00', 'yyyy/MM/dd HH:mm'), date_format(DATE'2021-01-01', 'EEEE')
--> 2016 | 2016/04/08 13:05 | Friday

--@ docs functions/date_trunc
SELECT date_trunc('YEAR', TIMESTAMP'2015-03-05 09:32:05'), date_trunc('HOUR', TIMESTAMP'2015-03-05 09:32:05'), trunc(DATE'2019-08-04', 'week')
--> 2015-01-01 00:00:00 | 2015-03-05 09:00:00 | 2019-07-29

--@ docs functions/extract
SELECT extract(YEAR FROM DATE'2019-08-12'), extract(WEEK FROM DATE'2019-08-12'), date_part('DAY', DATE'2019-08-12'), extract(SECONDS FROM TIMESTAMP'2019-10-01 00:00:01.000001')
--> 2019 | 33 | 12 | 1.000001

--@ docs functions/dayofweek
SELECT dayofweek('2009-07-30'), weekday(DATE'2009-07-30'), dayofyear('2016-04-09'), quarter('2016-08-31'), last_day('2009-01-12'), next_day('2015-01-14', 'TU')
--> 5 | 3 | 100 | 3 | 2009-01-31 | 2015-01-20

--@ docs functions/make_date
SELECT make_date(2013, 7, 15), make_timestamp(2014, 12, 28, 6, 30, 45.887)
--> 2013-07-15 | 2014-12-28 06:30:45.887000

SELECT make_date(2019, 13, 1)
--! DATETIME_FIELD_OUT_OF_BOUNDS.WITH_SUGGESTION 22023

--@ docs functions/to_date
SELECT to_date('2009-07-30 04:17:52'), to_date('2016-12-31', 'yyyy-MM-dd'), try_to_date('x')
--> 2009-07-30 | 2016-12-31 | NULL

SELECT to_date('2016-02-30', 'yyyy-MM-dd')
--! CANNOT_PARSE_TIMESTAMP 22007

--@ docs functions/to_timestamp
SELECT to_timestamp('2016-12-31 00:12:00'), to_timestamp('2016-12-31', 'yyyy-MM-dd'), try_to_timestamp('x')
--> 2016-12-31 00:12:00 | 2016-12-31 00:00:00 | NULL

--@ docs functions/from_unixtime
SELECT from_unixtime(0, 'yyyy-MM-dd HH:mm:ss'), unix_timestamp('2016-04-08', 'yyyy-MM-dd'), timestamp_millis(1230219000123), unix_date(DATE'1970-01-02')
--> 1970-01-01 00:00:00 | 1460073600 | 2008-12-25 15:30:00.123000 | 1

--@ docs functions/from_utc_timestamp
SELECT from_utc_timestamp('2016-08-31', 'Asia/Seoul'), to_utc_timestamp('2016-08-31', 'Asia/Seoul')
--> 2016-08-31 09:00:00 | 2016-08-30 15:00:00

--@ docs functions/months_between
SELECT months_between('1997-02-28 10:30:00', '1996-10-30'), round(months_between('1997-02-28', '1996-10-30', false), 4)
--> 3.94959677 | 3.9355

--@ docs functions/current_timezone
SELECT current_timezone()
--> Etc/UTC

--@ docs functions/current_date
SELECT typeof(current_date()), typeof(current_timestamp()), typeof(now()), current_date() = curdate()
--> date | timestamp | timestamp | true

--@ docs functions/make_interval
SELECT CAST(make_interval(100, 11) AS STRING), CAST(make_dt_interval(1, 12, 30, 1.001) AS STRING), CAST(make_ym_interval(1, 2) AS STRING)
--> 100 years 11 months | INTERVAL '1 12:30:01.001' DAY TO SECOND | INTERVAL '1-2' YEAR TO MONTH

--@ docs data-types/interval-type
SELECT CAST(INTERVAL '100-00' YEAR TO MONTH AS STRING), INTERVAL '3' DAY > INTERVAL '71' HOUR, CAST(TIMESTAMP'2021-10-02' - TIMESTAMP'2021-10-01' AS STRING)
--> INTERVAL '100-0' YEAR TO MONTH | true | INTERVAL '1 00:00:00' DAY TO SECOND

--@ docs data-types/timestamp-ntz-type
SELECT TIMESTAMP_NTZ'2020-12-31 10:00:00', typeof(TIMESTAMP_NTZ'2020-12-31'), CAST('2020-12-31T10:00:00' AS TIMESTAMP_NTZ)
--> 2020-12-31 10:00:00 | timestamp_ntz | 2020-12-31 10:00:00

--@ docs data-types/date-type
SELECT DATE'2020', CAST('2020-1-1' AS DATE), DATE'-0044-03-15' < DATE'0001-01-01'
--> 2020-01-01 | 2020-01-01 | true

SELECT CAST('2020-13-01' AS DATE)
--! CAST_INVALID_INPUT 22018

--@ docs functions/timestampadd
SELECT timestampadd(DAY, 1, TIMESTAMP'2021-10-31 00:00:00'), timestampdiff(MONTH, TIMESTAMP'2021-01-01 00:00:00', TIMESTAMP'2021-03-31 00:00:00')
--> 2021-11-01 00:00:00 | 2

--@ docs functions/sequence
SELECT sequence(1, 5, 2), sequence(DATE'2018-01-01', DATE'2018-03-01', INTERVAL 1 MONTH)
--> [1, 3, 5] | [2018-01-01, 2018-02-01, 2018-03-01]

--@ docs functions/convert_timezone
SELECT convert_timezone('Europe/Brussels', 'America/Los_Angeles', TIMESTAMP_NTZ'2021-12-06 00:00:00')
--> 2021-12-05 15:00:00
