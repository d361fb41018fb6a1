"""Deployment files: each is read by the program that it is for, where that is installed."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from studio_server import until
from test_environment import rows

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"


def program(name: str) -> str:
    """Its path; Debian keeps some off a user's. Skips where it is not installed."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    beside = Path(sys.executable).with_name(name)
    if found is None and beside.exists():
        found = str(beside)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def ran(*words: str | Path) -> str:
    told = subprocess.run([str(w) for w in words], capture_output=True, text=True, timeout=300)
    assert told.returncode == 0, told.stdout + told.stderr
    return told.stdout + told.stderr


def test_systemd_takes_the_unit_without_a_word(tmp_path: Path) -> None:
    analyze = program("systemd-analyze")
    unit = tmp_path / "feedsmith.service"
    text = (DEPLOY / "systemd" / "feedsmith.service").read_text("utf-8")
    assert text.count("/opt/feedsmith/venv/bin/feedsmith") == 1
    unit.write_text(text.replace("/opt/feedsmith/venv/bin/feedsmith", sys.executable))
    assert ran(analyze, "verify", unit) == ""


def test_caddy_takes_its_file() -> None:
    told = ran(
        program("caddy"), "validate", "--adapter", "caddyfile", "--config", DEPLOY / "caddy" / "Caddyfile"
    )  # fmt: skip
    assert "Valid configuration" in told


def test_nginx_takes_its_file(tmp_path: Path) -> None:
    nginx = program("nginx")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    ran(program("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
        "-subj", "/CN=studio.example.org", "-keyout", key, "-out", certificate)  # fmt: skip
    text = (DEPLOY / "nginx" / "feedsmith.conf").read_text("utf-8")
    text = re.sub(r"/etc/letsencrypt/\S+/fullchain.pem", str(certificate), text)
    text = re.sub(r"/etc/letsencrypt/\S+/privkey.pem", str(key), text)
    (tmp_path / "site.conf").write_text(text)
    (tmp_path / "nginx.conf").write_text(
        f"pid {tmp_path}/pid; error_log {tmp_path}/error.log;\nevents {{}}\nhttp {{ include {tmp_path}/site.conf; }}\n"
    )
    assert "test is successful" in ran(nginx, "-t", "-c", tmp_path / "nginx.conf")


def test_cloudformation_is_without_faults() -> None:
    assert ran(program("cfn-lint"), DEPLOY / "aws" / "feedsmith.yaml") == ""


def template() -> dict[str, Any]:
    said: dict[str, Any] = json.loads((DEPLOY / "azure" / "feedsmith.json").read_text("utf-8"))
    return said


def strings(value: object) -> list[str]:
    if isinstance(value, dict):
        return [s for inner in value.values() for s in strings(inner)]
    if isinstance(value, list):
        return [s for inner in value for s in strings(inner)]
    return [value] if isinstance(value, str) else []


def test_every_reference_of_the_azure_template_leads_somewhere() -> None:
    said = template()
    expressions = [s for s in strings(said["resources"]) + strings(said["outputs"]) if s[:1] == "["]
    text = "\n".join(expressions)
    assert expressions
    assert all(s.endswith("]") and s.count("(") == s.count(")") for s in expressions)
    used = set(re.findall(r"parameters\('(\w+)'\)", text))
    assert used | {"location"} == set(said["parameters"])
    assert set(re.findall(r"variables\('(\w+)'\)", text)) | {"environmentId"} == set(
        said["variables"]
    )
    types = {resource["type"] for resource in said["resources"]}
    named = set(re.findall(r"resourceId\('([^']+)'", text + str(said["variables"])))
    assert named <= types


def test_volumes_and_secrets_of_the_azure_template_are_there() -> None:
    (app,) = (r for r in template()["resources"] if r["type"] == "Microsoft.App/containerApps")
    inside = app["properties"]["template"]
    (container,) = inside["containers"]
    volumes = {volume["name"]: volume for volume in inside["volumes"]}
    assert {mount["volumeName"] for mount in container["volumeMounts"]} == set(volumes)
    secrets = {f"/secrets/{s['name']}" for s in app["properties"]["configuration"]["secrets"]}
    assert {e["value"] for e in container["env"] if e["name"].endswith("_FILE")} == secrets
    assert app["properties"]["configuration"]["ingress"]["targetPort"] == 8321


@pytest.mark.parametrize(
    "name",
    ["compose.yaml", "heroku.yml", "deploy/aws/feedsmith.yaml", "deploy/azure/feedsmith.json",
     "deploy/systemd/feedsmith.service", "deploy/image/studio", "Dockerfile"],
)  # fmt: skip
def test_no_file_names_a_setting_that_there_is_not(name: str) -> None:
    words = set(re.findall(r"FEEDSMITH_[A-Z0-9_]+", (ROOT / name).read_text("utf-8")))
    of_compose = (
        {"FEEDSMITH_LISTEN", "FEEDSMITH_OBJECTS_LISTEN", "FEEDSMITH_DATABASE_PASSWORD"}
        if name == "compose.yaml"
        else set()
    )
    assert {word.removesuffix("_FILE") for word in words} - of_compose - rows().keys() == set()


def test_compose_is_one_service_unless_it_is_told_to_grow() -> None:
    said = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
    grown = {name: service.get("profiles") for name, service in said["services"].items()}
    assert [name for name, profiles in grown.items() if not profiles] == ["studio"]
    assert {tuple(p) for p in grown.values() if p} == {("scale",)}
    for service in said["services"].values():
        for volume in service["volumes"]:
            assert volume.partition(":")[0] in said["volumes"]
        assert set(service["networks"]) <= set(said["networks"])
    for name, service in said["services"].items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
    for name in ("studio", "worker"):
        service = said["services"][name]
        assert service["mem_limit"] == service["memswap_limit"] == "512m"


def test_nobody_stays_root_in_compose() -> None:
    """The images of PostgreSQL and rclone would run as root; what gives a folder away has to, and ends."""
    services = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))["services"]
    # The user of our own image is in its Dockerfile; all others have to be told.
    told = {name: one.get("user") for name, one in services.items() if one["image"] != "feedsmith"}
    assert told == {"database": "postgres", "objects": "10001:10001"}
    root = [name for name, service in services.items() if service.get("user", "").startswith("0")]
    assert root == ["bucket"]
    assert services["bucket"]["restart"] == "no"
    assert services["bucket"]["cap_add"] == ["CHOWN"]


def test_the_images_that_stand_in_have_the_names_that_compose_asks_for() -> None:
    check = (ROOT / "tools" / "compose_check.py").read_text("utf-8")
    services = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))["services"]
    for name in {service["image"] for service in services.values()} - {"feedsmith"}:
        assert f'"{name}"' in check


def test_every_setting_of_the_env_file_reaches_studio_and_workers() -> None:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))["services"]
    for name in ("studio", "worker"):
        assert services[name]["env_file"] == [{"path": ".env", "required": False}]


def test_the_images_command_is_a_script_that_a_shell_takes() -> None:
    ran(program("sh"), "-n", DEPLOY / "image" / "studio")


def test_the_images_command_spares_what_running_supervisors_share(tmp_path: Path) -> None:
    """Other old files that passed through are taken away at the start."""
    passing = tmp_path / ".tmp"
    (passing / "feedsmith-turns-a1").mkdir(parents=True)
    (passing / "upload").mkdir()
    turn, left = passing / "feedsmith-turns-a1" / "seat", passing / "upload" / "photo.jpg"
    for file in (turn, left):
        file.write_bytes(b"1")
        for path in (file, file.parent):
            os.utime(path, (1e9, 1e9))
    # `true` in the place of the program that the script starts when it is done.
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "feedsmith").symlink_to(program("true"))
    way = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    more = {"FEEDSMITH_HOME": str(tmp_path / "brand"), "PATH": way}
    subprocess.run(["sh", DEPLOY / "image" / "studio", "--work"], env=os.environ | more, check=True)
    assert turn.exists()
    assert not left.exists()


def test_the_images_command_ends_while_files_are_brought_back(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    fetching = tmp_path / "bin" / "feedsmith"
    fetching.write_text(f"#!/bin/sh\necho $$ >{tmp_path}/fetching\nexec sleep 60\n")
    fetching.chmod(0o755)
    way = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    more = {"FEEDSMITH_HOME": str(tmp_path / "brand"), "PATH": way, "FEEDSMITH_MIRROR": "studio"}
    with subprocess.Popen(["sh", DEPLOY / "image" / "studio"], env=os.environ | more) as starting:
        until(lambda: (tmp_path / "fetching").exists() and (tmp_path / "fetching").read_text(), 20)
        starting.terminate()
        assert starting.wait(20) == 143
    number = int((tmp_path / "fetching").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(number, 0)


def test_the_images_command_does_not_write_where_all_would_be_lost(tmp_path: Path) -> None:
    (tmp_path / "no-folder").touch()  # for root, too, nothing can be written below it
    told = subprocess.run(
        ["sh", DEPLOY / "image" / "studio"], capture_output=True, text=True,
        env=os.environ | {"FEEDSMITH_HOME": str(tmp_path / "no-folder" / "brand"), "DYNO": ""},
    )  # fmt: skip
    assert told.returncode == 1
    assert "cannot be written by user" in told.stderr
