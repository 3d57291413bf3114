"""Named rules that clean documents, and the order in which they are applied."""
