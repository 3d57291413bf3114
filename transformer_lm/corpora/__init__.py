"""Raw text from many sources, turned into documents."""
