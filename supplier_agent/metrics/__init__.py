"""Metrics and health, made of the tables at the moment of asking: nothing is counted that would die with the process.

figures.py reads the tables, tally.py the journals of requests, exposition.py writes it down for Prometheus, pulse.py says
whether the process and its loop are well, routes.py serves it. Nothing is imported here: who needs the pulse alone, as the
loop does, brings no web server along.
"""
