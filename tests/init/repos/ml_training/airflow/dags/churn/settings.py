"""What the churn DAGs share."""

BAR = 0.8
CLUSTER = {"spark_version": "15.4.x-cpu-ml-scala2.12", "node_type_id": "i3.xlarge", "num_workers": 0}
