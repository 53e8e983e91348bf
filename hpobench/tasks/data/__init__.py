"""Data sets as arrays: fixed, stratified splits into training, validation and test examples."""
