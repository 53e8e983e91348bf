"""Methods: what runs next."""
