"""The page of label sheets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter

if TYPE_CHECKING:
    from dashboards.services import Services


def router(services: Services) -> APIRouter:  # noqa: ARG001
    """Return the routes of label sheets."""
    return APIRouter(include_in_schema=False)
