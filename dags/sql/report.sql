-- Net energy for a unit of output, by department, inside and outside the green initiative.
SELECT
  department,
  round(try_divide(
    sum(net_energy_kwh) FILTER (WHERE green_initiative), sum(output_units) FILTER (WHERE green_initiative)
  ), 3) AS green_kwh_per_unit,
  round(try_divide(
    sum(net_energy_kwh) FILTER (WHERE NOT green_initiative), sum(output_units) FILTER (WHERE NOT green_initiative)
  ), 3) AS not_green_kwh_per_unit,
  count(DISTINCT facility_id) AS facilities
FROM {{ params.facility_efficiency }}
GROUP BY department
ORDER BY department
