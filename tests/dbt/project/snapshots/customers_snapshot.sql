{% snapshot customers_snapshot %}
    {{ config(unique_key='customer_id', strategy='timestamp', updated_at='first_order') }}
    select * from {{ ref('dim_customers') }}
{% endsnapshot %}
