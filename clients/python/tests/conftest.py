"""The network that the tests run on: once with each daemon. I3_DAEMONS names the folder of the daemons."""

from __future__ import annotations

import os
import pathlib
import sys
from typing import Iterator

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))
from testnet import Testnet  # noqa: E402


@pytest.fixture(scope="session", params=["i3-gateway", "i3-gateway-threads"])
def net(request: pytest.FixtureRequest) -> Iterator[Testnet]:
    running = Testnet(os.environ["I3_DAEMONS"], request.param)
    yield running
    running.close()
