"""The report page of a study: see `page.write`."""
