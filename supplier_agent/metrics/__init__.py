"""Metrics and health, made of the tables at the moment of asking: nothing is counted that would die with the process.

figures.py reads the tables, exposition.py sums up the journals of requests and writes all of it for Prometheus, routes.py
serves it, with the two health checks. What is a problem, verdict/ says.
"""
