"""Items that backends see, the truth that they do not, and the fingerprints of the files behind both."""
