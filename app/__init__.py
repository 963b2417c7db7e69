"""The studio: pages, background jobs, and `Studio`, through which the pages do everything."""
