{% macro query_comment(node) %}
    {%- set said = {"app": "dbt", "dbt_version": dbt_version, "target_name": target.name} -%}
    {%- if node is not none -%}
        {%- do said.update(node_id=node.unique_id) -%}
    {%- endif -%}
    {{ return(tojson(said)) }}
{% endmacro %}
