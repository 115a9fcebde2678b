with source as (

    select * from {{ source('raw', 'raw_orders') }}

),

renamed as (

    select
        id as order_id,
        customer_id,
        ordered_at,
        status,
        amount,
        {{ cents('amount') }} as amount_cents
    from source

)

select * from renamed
