"""Tables that users have, made into recorded tables: read, guessed at, checked, written."""
