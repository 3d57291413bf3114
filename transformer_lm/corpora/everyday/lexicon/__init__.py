"""Who does what, where, when and with what: the words the documents are made of."""
