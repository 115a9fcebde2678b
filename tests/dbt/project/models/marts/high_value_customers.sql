{{ config(
    materialized='incremental',
    incremental_strategy='replace_where',
    incremental_predicates="country = 'US'"
) }}

select customer_id, full_name, country, lifetime_value
from {{ ref('dim_customers') }}
where lifetime_value >= {{ var('high_value') }}
{% if is_incremental() %}
  and country = 'US'
{% endif %}
