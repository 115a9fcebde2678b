select id, order_id, amount / 100 as amount from main.raw.payments
