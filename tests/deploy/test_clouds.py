"""What clouds have beside Kubernetes: the same command lines, ports and health as everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from .reading import DEPLOY, ROOT, parsed

Container = dict[str, Any]


class _Template(yaml.SafeLoader):
    """CloudFormation writes its functions as tags; what stands behind them is enough here."""


def _plain(loader: yaml.SafeLoader, tag: str, node: yaml.Node) -> object:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    return loader.construct_sequence(node) if isinstance(node, yaml.SequenceNode) else None


_Template.add_multi_constructor("!", _plain)


def loaded(path: str) -> dict[str, Any]:
    # A SafeLoader that knows more tags, and makes nothing but text and lists of them.
    found: dict[str, Any] = yaml.load((DEPLOY / path).read_text(encoding="utf-8"), Loader=_Template)  # noqa: S506
    return found


def fargate() -> dict[str, Container]:
    tasks = [
        r for r in loaded("aws/fargate.yaml")["Resources"].values() if r["Type"] == "AWS::ECS::TaskDefinition"
    ]
    return {c["Name"]: c for task in tasks for c in task["Properties"]["ContainerDefinitions"]}


def cloud_run() -> Container:
    (container,) = loaded("gcp/cloud-run.yaml")["spec"]["template"]["spec"]["containers"]
    return dict(container)


def container_app() -> Container:
    (container,) = loaded("azure/container-app.yaml")["properties"]["template"]["containers"]
    return dict(container)


def monitor_job() -> Container:
    job = loaded("gcp/cloud-run-monitor.yaml")["spec"]["template"]["spec"]
    (container,) = job["template"]["spec"]["containers"]
    assert job["template"]["spec"]["maxRetries"] == 0
    return dict(container)


LINES = {
    "fargate api": fargate()["api"]["Command"],
    "fargate retrain": fargate()["retrain"]["Command"],
    "cloud run": cloud_run()["args"],
    "cloud run monitor": monitor_job()["args"],
    "container app": container_app()["args"],
}


@pytest.mark.parametrize("name", LINES)
def test_every_command_line_is_one_that_exists(name: str) -> None:
    found = parsed([str(word) for word in LINES[name]])
    if LINES[name][0] == "serve":
        assert (found["host"], found["port"]) == ("0.0.0.0", 8000)
        assert found["api_key_env"] == "BUYSIGNAL_API_KEY"


@pytest.mark.parametrize("container", [cloud_run(), container_app()], ids=["cloud run", "container app"])
def test_health_is_asked_where_it_is_answered(container: Container) -> None:
    probes = container.get("probes") or [
        container[name] for name in ("startupProbe", "livenessProbe") if name in container
    ]
    assert len(probes) >= 2
    assert {probe["httpGet"]["port"] for probe in probes} == {8000}
    assert {probe["httpGet"]["path"] for probe in probes} <= {"/healthz", "/readyz"}
    assert {env["name"] for env in container["env"]} == {"BUYSIGNAL_API_KEY", "BUYSIGNAL_STATE"}


def test_where_a_folder_is_not_replaced_as_a_whole_it_is_not_watched() -> None:
    assert parsed(list(LINES["cloud run"]))["watch"] is False
    assert parsed(list(LINES["container app"]))["watch"] is True


def test_fargate_has_the_rights_that_pods_have() -> None:
    for container in fargate().values():
        assert container["User"] == "10001:10001"
        assert container["ReadonlyRootFilesystem"] is True
        assert container["LinuxParameters"]["Capabilities"] == {"Drop": ["ALL"]}
    mounts = {mount["ContainerPath"]: mount for mount in fargate()["api"]["MountPoints"]}
    assert mounts["/files"]["ReadOnly"] is True
    assert {"/tmp", "/var/cache/buysignal"} <= set(mounts)


def test_secrets_are_named_and_never_written() -> None:
    for file in sorted(p for cloud in ("aws", "gcp", "azure") for p in (DEPLOY / cloud).iterdir()):
        for line in file.read_text(encoding="utf-8").splitlines():
            if "password=" in line.lower():
                assert "$(" in line, f"{file.relative_to(ROOT)}: {line}"


@pytest.mark.parametrize("cloud", ["aws", "gcp", "azure"])
def test_each_cloud_has_a_page_that_leads_to_its_files(cloud: str) -> None:
    page = (ROOT / "docs" / f"deploy-{cloud}.md").read_text(encoding="utf-8")
    assert "validated and not run" in page
    for file in Path(DEPLOY / cloud).iterdir():
        assert f"(../deploy/{cloud}/{file.name})" in page
