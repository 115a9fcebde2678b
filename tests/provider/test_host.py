"""Connections that keep the host name of the production workspace."""

from __future__ import annotations

HOST = "adb-1234567890123456.7.azuredatabricks.net"


def production(stack, host=HOST):
    """The connection of production, led here by a proxy setting (docs/settings.md)."""
    http_path = f"/sql/1.0/warehouses/{stack.warehouse_id}"
    extra = {
        "http_path": http_path,
        "proxies": {"http": stack.workspace_url},
        "_connection_uri": stack.workspace_url + http_path,
        "enable_telemetry": False,
    }
    return {"conn_type": "databricks", "host": host, "schema": "http", "password": stack.token, "extra": extra}


def test_a_production_host_name_leads_to_the_local_workspace(run, unheld, clean_stack, s3, sql):
    s3.create_bucket(Bucket="landing")
    s3.put_object(Bucket="landing", Key="sales/a.csv", Body=b"id,region\n1,north\n2,south\n")
    result = run("host", "host", connections={"production": production(clean_stack)})
    assert result.success, result
    assert "Pausing task as DEFERRED" in result.task("defers").log_text()
    assert f"http://{HOST}/" not in result.task("waits").log_text()  # the run's page is here
    assert sql("SELECT count(*) FROM main.default.sales")[0][0] == 2


def test_a_host_that_the_settings_do_not_name_is_refused(run, clean_stack):
    result = run("host", "host", connections={"production": production(clean_stack, "adb-9.9.azuredatabricks.net")})
    assert result.task("waits").state == "failed"
    assert "the setting `host_names`" in str(result.task("waits").errors[-1])
