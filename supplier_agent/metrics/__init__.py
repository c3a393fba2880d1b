"""Metrics and health checks, computed from the tables on request, so that no count is lost when the process ends.

figures.py reads the tables, exposition.py sums up the request logs and writes everything for Prometheus, and routes.py serves
it, with the two health checks. verdict/ decides what is a problem.
"""
