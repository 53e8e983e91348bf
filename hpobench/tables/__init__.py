"""Tables of others: files of results, read as plain values."""
