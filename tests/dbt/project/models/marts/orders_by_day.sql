{{ config(
    materialized='incremental',
    incremental_strategy='insert_overwrite',
    partition_by=['day']
) }}

select
    cast(ordered_at as date) as day,
    count(*) as orders,
    sum(amount) as revenue
from {{ ref('stg_orders') }}
group by 1
