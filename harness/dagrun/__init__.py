"""Airflow's side: an isolated home, ``dag.test()`` with a verdict one can trust, asset following."""
