"""The HTTP API for programs: orders and labels out, marks and holds in. It records facts as the page does, and calls nobody.

front      the only module that is imported while the API is off
routes     every operation with its right, its models and its answers: the application and its document are made of it
gate       one request: key, limits, body, errors             hooks      signed webhooks
reading    orders and labels                                  acting     ship, unship, hold, release, note; each done once
models     bodies, as pydantic models                         document   OpenAPI 3.1
problems   refusals                                           usage      how often each program asked
"""
