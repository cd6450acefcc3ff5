"""Import of files of quotes."""
