"""What is in deploy/ agrees with itself, with the command line and with the code; no image is built here."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.calling import call
from videoxl_stream.config import Site
from videoxl_stream.config.parts import Served

DEPLOY = Path(__file__).parent.parent / "deploy"
PORT = Served().port
# Newer than what some systems have; older ones start again after RestartSec each time.
NEW_SETTINGS = {"RestartSteps", "RestartMaxDelaySec"}
SECRET = re.compile(r"\$\{file:/run/secrets/([\w-]+)\}")


@pytest.fixture
def site() -> Site:
    return Site.from_yaml(DEPLOY / "site.yaml")


@pytest.fixture
def compose() -> dict[str, Any]:
    whole: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    return whole


@pytest.fixture
def unit() -> dict[str, list[str]]:
    """Settings of the unit; each may stand there more than once."""
    settings: dict[str, list[str]] = {}
    for line in (DEPLOY / "videoxl-stream.service").read_text(encoding="utf-8").splitlines():
        name, given, value = line.partition("=")
        if given and not line.startswith("#"):
            settings.setdefault(name, []).append(value)
    return settings


def instructions(name: str) -> list[str]:
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    return re.findall(rf"^{name} +(.+)$", text, re.MULTILINE)


# ---- the site


def test_the_site_can_be_run(site: Site, tmp_path: Path) -> None:
    text = (DEPLOY / "site.yaml").read_text(encoding="utf-8")
    for name in SECRET.findall(text):
        (tmp_path / name).write_text("word\n", encoding="utf-8")
    (tmp_path / "site.yaml").write_text(text.replace("/run/secrets", str(tmp_path)), encoding="utf-8")
    told = call("config", "check", tmp_path / "site.yaml")
    assert told.exit_code == 0, told.output
    assert site.durability is not None
    assert site.retention.budget_bytes


def test_its_pages_can_be_asked_from_outside_its_container(site: Site) -> None:
    assert site.health is not None
    assert (site.health.host, site.health.port) == ("0.0.0.0", PORT)


# ---- the unit


def test_systemd_knows_every_setting_of_the_unit(tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("no systemd-analyze was found: install Debian's package systemd")
    text = (DEPLOY / "videoxl-stream.service").read_text(encoding="utf-8")
    path = tmp_path / "videoxl-stream.service"
    path.write_text(text.replace("/opt/videoxl-stream/bin/videoxl-stream", "/bin/true"), encoding="utf-8")
    told = subprocess.run([program, "verify", path], capture_output=True, text=True, check=False).stderr.splitlines()
    known = [line for line in told if str(path) in line and not any(f"'{name}'" in line for name in NEW_SETTINGS)]
    assert not known


def test_the_unit_is_a_service_that_is_watched_and_comes_back(unit: dict[str, list[str]]) -> None:
    assert unit["Type"] == ["notify"]
    assert unit["Restart"] == ["always"]
    assert unit["StartLimitIntervalSec"] == ["0"]
    assert "-HUP" in unit["ExecReload"][0]
    assert 10 < int(unit["TimeoutStopSec"][0]) <= 20
    # What /live would say is dead, systemd does not end before.
    assert int(unit["WatchdogSec"][0]) >= Served().live_s


def test_the_command_of_the_unit_exists(unit: dict[str, list[str]]) -> None:
    program, *arguments = shlex.split(unit["ExecStart"][0])
    assert Path(program).name == "videoxl-stream"
    _check_command(arguments)


# ---- the image


def test_the_image_is_made_of_files_that_exist() -> None:
    sources = [word for line in instructions("COPY") if "--from" not in line for word in line.split()[:-1]]
    assert {"videoxl_stream", "connectors", "pipelines", "pyproject.toml"} <= set(sources)
    assert not [name for name in sources if not (DEPLOY.parent / name).exists()]
    let_in = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    assert {f"!{name}" for name in sources} <= set(let_in)


def test_the_command_of_the_image_exists() -> None:
    assert json.loads(instructions("ENTRYPOINT")[0]) == ["videoxl-stream"]
    _check_command(json.loads(instructions("CMD")[-1]))


def test_the_image_runs_without_rights_and_says_how_it_is() -> None:
    assert instructions("USER") == ["videoxl-stream"]
    assert instructions("STOPSIGNAL") == ["SIGTERM"]
    assert instructions("EXPOSE") == [str(PORT)]
    assert f"http://127.0.0.1:{PORT}/live" in (DEPLOY / "Dockerfile").read_text(encoding="utf-8")


def test_the_extras_of_the_image_exist() -> None:
    project = (DEPLOY.parent / "pyproject.toml").read_text(encoding="utf-8")
    [extras] = re.findall(r"'\.\[(.+?)\]'", " ".join(instructions("RUN")))
    assert [name for name in extras.split(",") if not re.search(rf"^{name} = \[", project, re.MULTILINE)] == []


# ---- compose


def test_what_compose_refers_to_exists(compose: dict[str, Any]) -> None:
    services = compose["services"]
    daemon = services["daemon"]
    assert (DEPLOY / daemon["build"]["context"] / daemon["build"]["dockerfile"]).is_file()
    for service in services.values():
        assert set(service.get("secrets", [])) <= set(compose["secrets"])
        mounts = [mount.split(":")[0] for mount in service.get("volumes", [])]
        assert not [name for name in mounts if name.startswith(".") and not (DEPLOY / name).is_file()]
        assert {name for name in mounts if not name.startswith(".")} <= set(compose["volumes"])
    for name, how in daemon["depends_on"].items():
        assert how == {"condition": "service_healthy"}
        assert services[name]["healthcheck"]["test"]


def test_compose_and_the_site_agree(compose: dict[str, Any], site: Site) -> None:
    daemon = compose["services"]["daemon"]
    text = (DEPLOY / "site.yaml").read_text(encoding="utf-8")
    assert set(SECRET.findall(text)) == set(daemon["secrets"])
    assert daemon["volumes"][0].split(":")[1] == json.loads(instructions("CMD")[-1])[1]
    assert daemon["ports"] == [f"127.0.0.1:{PORT}:{PORT}"]
    assert "@database/events" in site.events
    assert compose["services"]["broker"]["environment"]["KAFKA_ADVERTISED_LISTENERS"] == "PLAINTEXT://broker:9092"
    assert site.sinks[0].url.startswith("kafka://broker:9092/")
    state = daemon["volumes"][1].split(":")[1]
    assert site.evidence is not None
    assert site.durability is not None
    written = [site.evidence.folder, site.durability.folder, site.sinks[1].url]
    assert [path for path in written if not Path(path).is_relative_to(state)] == []


def test_the_daemon_has_more_time_to_end_than_it_takes(compose: dict[str, Any]) -> None:
    assert compose["services"]["daemon"]["stop_grace_period"] == "15s"
    assert compose["services"]["daemon"]["init"] is True


def _check_command(arguments: list[str]) -> None:
    command, _, *options = arguments
    told = call(command, "--help")
    assert told.exit_code == 0
    given = [option for option in options if option.startswith("--")]
    assert given
    assert not [option for option in given if option not in told.output]
