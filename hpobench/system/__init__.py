"""The machine that a program runs on: files, processes, signals, the terminal."""
