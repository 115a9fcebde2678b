"""``harness init``: the harness added to a repository that has DAGs already, without a change to these."""
