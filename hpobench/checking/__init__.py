"""Whether tasks and methods keep their contract, tried out."""
