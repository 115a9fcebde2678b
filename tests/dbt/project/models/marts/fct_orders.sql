{{ config(
    materialized='incremental',
    incremental_strategy='merge',
    unique_key='order_id',
    on_schema_change='append_new_columns'
) }}

select
    order_id,
    customer_id,
    ordered_at,
    status,
    amount
from {{ ref('stg_orders') }}
{% if is_incremental() %}
-- Orders change for some days.
where ordered_at >= (select dateadd(day, -3, max(ordered_at)) from {{ this }})
{% endif %}
