"""The pages: each module has `router(services)` and asks the services only; templates hold no logic beyond loops."""
