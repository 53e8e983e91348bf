"""Many machines: clusters of Dask, what their workers share with us, slots for jobs."""
