"""A fresh application for each test."""

import pytest
from service_fakes import World


@pytest.fixture
def world() -> World:
    """Return an application whose collaborators are in memory."""
    return World()
