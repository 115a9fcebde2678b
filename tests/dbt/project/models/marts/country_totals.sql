{{ config(materialized='ephemeral') }}

select country, sum(lifetime_value) as revenue
from {{ ref('dim_customers') }}
group by country
