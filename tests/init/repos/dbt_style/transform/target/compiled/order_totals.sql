select order_id, sum(amount) as total from main.analytics.stg_payments group by order_id
