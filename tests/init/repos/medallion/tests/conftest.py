collect_ignore = ["legacy"]
