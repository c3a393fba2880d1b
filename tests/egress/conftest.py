"""One authority for all tests of the way out."""

import shutil

import pytest

from tests.egress.proxy import Authority, authority

NAMES = ("api.example", "files.example", "printer.example", "chat.example")


@pytest.fixture(scope="session")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is needed to make a certificate")
    return authority(tmp_path_factory.mktemp("authority"), *NAMES)
