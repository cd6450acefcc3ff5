"""The HTTP API and every page: consumer, cooperative, county office.

In: the services of all domains, built by the roof. Out: one ASGI application. `app.py` puts it together; routes of the API are in
`api/`, one file a domain, each calling one use case; pages are in `pages/`, their words in `locale/`.
"""
