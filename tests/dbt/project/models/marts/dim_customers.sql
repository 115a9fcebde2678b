{{ config(
    materialized='table',
    liquid_clustered_by=['country', 'customer_id'],
    post_hook="comment on table {{ this }} is 'Customers with what they are worth.'"
) }}

with orders as (

    select
        customer_id,
        min(ordered_at) as first_order,
        count(*) as orders,
        sum(amount) as lifetime_value
    from {{ ref('stg_orders') }}
    where status <> 'returned'
    group by customer_id

)

select
    c.customer_id,
    concat_ws(' ', c.first_name, c.last_name) as full_name,
    c.country,
    o.first_order,
    coalesce(o.orders, 0) as orders,
    cast(coalesce(o.lifetime_value, 0) as decimal(12, 2)) as lifetime_value
from {{ ref('stg_customers') }} as c
left join orders as o using (customer_id)
