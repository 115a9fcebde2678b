select * from {{ ref('country_totals') }}
