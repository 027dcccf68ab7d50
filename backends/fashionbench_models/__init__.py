"""Models of the field as backends, by the folder or the hub id of their weights: no plugin is needed."""
