{# Whole cents of an amount of money. #}
{% macro cents(column_name) -%}
    cast(round({{ column_name }} * 100) as bigint)
{%- endmacro %}
