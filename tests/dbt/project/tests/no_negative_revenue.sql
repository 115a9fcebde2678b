select day, revenue
from {{ ref('orders_by_day') }}
where revenue < 0
