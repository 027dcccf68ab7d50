"""Tasks on a folder of the user: composed retrieval, image retrieval, captioning, try-on and design by a manifest."""
