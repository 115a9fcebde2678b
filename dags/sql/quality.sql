-- The figures that green_energy/quality.py judges: one row.
WITH energy AS (
  SELECT
    count(*) AS energy_rows,
    try_divide(count_if(e.date IS NULL OR e.facility_id IS NULL), count(*)) AS energy_null_key_share,
    try_divide(count_if(e.power_use_kwh IS NULL), count(*)) AS energy_null_power_share,
    count_if(e.power_use_kwh < 0 OR e.energy_returned_kwh < 0) AS energy_negative_rows,
    count_if(e.facility_id IS NOT NULL AND f.facility_id IS NULL) AS energy_unknown_facility_rows
  FROM {{ params.energy }} AS e
  LEFT JOIN (SELECT DISTINCT facility_id FROM {{ params.facilities }}) AS f ON e.facility_id = f.facility_id
),
keys AS (
  SELECT try_divide(count(*) - count(DISTINCT date, facility_id), count(*)) AS energy_duplicate_share
  FROM {{ params.energy }}
  WHERE date IS NOT NULL AND facility_id IS NOT NULL
),
facilities AS (
  SELECT
    count(*) AS facilities_rows,
    count_if(facility_id IS NULL) AS facilities_null_keys,
    count(facility_id) - count(DISTINCT facility_id) AS facilities_duplicate_keys
  FROM {{ params.facilities }}
)
SELECT * FROM energy CROSS JOIN keys CROSS JOIN facilities
