"""Outreach's pages, a module for each group: their routes, and what templates need of the domain."""
