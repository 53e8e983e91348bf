"""What is stored of a study, and how: tables, parts, the files beside them."""
