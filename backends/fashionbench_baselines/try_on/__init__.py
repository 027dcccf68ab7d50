"""Try-on without a model: the flat garment warped into the mask."""
