select customer_id, full_name, country
from {{ ref('dim_customers') }}
