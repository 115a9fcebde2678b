select id, order_id, amount / 100 as amount from {{ source('raw', 'payments') }}
