{# Run by `dbt run-operation`: lets a group read what the project makes. #}
{% macro let_read(schema, group) %}
    {% do run_query("GRANT USE SCHEMA, SELECT ON SCHEMA " ~ target.catalog ~ "." ~ schema ~ " TO `" ~ group ~ "`") %}
    {{ log("granted to " ~ group, info=true) }}
{% endmacro %}
