SELECT count(*) AS n FROM sales WHERE region = '{{ params.region }}'
