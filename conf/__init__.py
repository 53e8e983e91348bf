"""Names and numbers of methods, tasks and studies: YAML files, no code."""
