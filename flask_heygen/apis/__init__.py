"""One module for each vendor API, all with the same few verbs."""
