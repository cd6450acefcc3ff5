"""The API, one file a domain: each route checks who calls, calls one use case, and shapes the answer."""
