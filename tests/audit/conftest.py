import pytest

from tests.processes import proof_servers


@pytest.fixture(scope="module")
def module_servers(tmp_path_factory):
    with proof_servers(tmp_path_factory.mktemp("proof") / "data") as servers:
        yield servers


@pytest.fixture
def servers(module_servers, monkeypatch):
    """The vault and the timestamp server, both running, found by the application."""
    for name, value in module_servers.environment.items():
        monkeypatch.setenv(name, value)
    for server in (module_servers.timestamping, module_servers.vault):
        if server.process is None:
            server.start()
    return module_servers
