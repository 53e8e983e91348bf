"""What a program or a notebook asks for; the command line asks for the same."""
