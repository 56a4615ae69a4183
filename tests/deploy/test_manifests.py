"""The plain manifests against what they start: commands, ports, rights, places to write."""

from __future__ import annotations

import json
import re
from typing import Any

import kubernetes_validate
import pytest

from .reading import DEPLOY, ROOT, Manifest, containers, manifests, parsed, pod_of, validate

FILE = DEPLOY / "kubernetes" / "buysignal.yaml"
ALL = manifests(FILE.read_text(encoding="utf-8"))
PODS = {one["metadata"]["name"]: pod for one in ALL if (pod := pod_of(one)) is not None}
OURS = [
    (name, container)
    for name, pod in PODS.items()
    for container in containers(pod)
    if "buysignal" in container["image"]
]


def named(kind: str, name: str) -> Manifest:
    (found,) = [one for one in ALL if (one["kind"], one["metadata"]["name"]) == (kind, name)]
    return found


@pytest.mark.parametrize(
    "manifest", [*ALL, *manifests((DEPLOY / "kubernetes" / "namespace.yaml").read_text())],
    ids=lambda m: f"{m['kind']}-{m['metadata']['name']}",
)  # fmt: skip
def test_every_manifest_is_what_kubernetes_knows(manifest: Manifest) -> None:
    validate(manifest)


def test_what_kubernetes_does_not_know_is_refused() -> None:
    broken = {**named("Service", "buysignal-api"), "spec": {"prots": []}}
    with pytest.raises(kubernetes_validate.ValidationError):
        validate(broken)


def test_everything_that_the_project_runs_is_there() -> None:
    kinds = {(one["kind"], one["metadata"]["name"]) for one in ALL}
    assert kinds >= {
        ("Deployment", "buysignal-api"), ("Deployment", "buysignal-app"), ("Deployment", "buysignal-worker"),
        ("CronJob", "buysignal-retrain"), ("CronJob", "buysignal-monitor"), ("Service", "buysignal-api"),
        ("HorizontalPodAutoscaler", "buysignal-api"), ("Ingress", "buysignal-api"),
        ("NetworkPolicy", "buysignal-deny"), ("PersistentVolumeClaim", "buysignal-models"),
    }  # fmt: skip


@pytest.mark.parametrize(("pod", "container"), OURS, ids=lambda x: x if isinstance(x, str) else x["name"])
def test_every_command_line_is_one_that_exists(pod: str, container: Manifest) -> None:
    if "command" in container:
        assert container["command"][0] == "/bin/sh"
        return
    found = parsed(container["args"])
    ports = {port["containerPort"] for port in container.get("ports", [])}
    assert ports <= {found.get("port"), found.get("health_port")}


def test_the_servers_ask_for_the_key_and_find_their_state() -> None:
    (api,) = PODS["buysignal-api"]["spec"]["containers"]
    given = {env["name"]: env["valueFrom"]["secretKeyRef"] for env in api["env"]}
    assert set(given) == {"BUYSIGNAL_API_KEY", "BUYSIGNAL_STATE"}
    assert parsed(api["args"])["api_key_env"] == "BUYSIGNAL_API_KEY"
    assert parsed(api["args"])["host"] == "0.0.0.0"


@pytest.mark.parametrize("name", ["buysignal-api", "buysignal-worker", "buysignal-app"])
def test_health_is_asked_where_it_is_answered(name: str) -> None:
    (container,) = PODS[name]["spec"]["containers"]
    (port,) = container["ports"]
    paths = {kind: container[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness", "readiness")}
    assert {asked["port"] for asked in paths.values()} == {port["name"]}
    source = "\n".join(p.read_text() for p in (ROOT / "src" / "buysignal").rglob("*.py"))
    for asked in paths.values():
        assert f'"{asked["path"]}"' in source or asked["path"] in source


@pytest.mark.parametrize("name", PODS)
def test_no_pod_has_a_right_that_the_restricted_standard_refuses(name: str) -> None:
    """The rules of Kubernetes' Pod Security Standards, level restricted, and a root that is read-only."""
    spec = PODS[name]["spec"]
    own = spec["securityContext"]
    assert own["runAsNonRoot"] is True
    assert own["runAsUser"] == 10001
    assert own["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
    assert {next(iter(set(v) - {"name"})) for v in spec["volumes"]} <= {
        "emptyDir", "persistentVolumeClaim", "configMap"
    }  # fmt: skip
    for container in containers(PODS[name]):
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False
        assert context["readOnlyRootFilesystem"] is True
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert set(container["resources"]) == {"requests", "limits"}


@pytest.mark.parametrize("name", PODS)
def test_what_is_written_has_a_place(name: str) -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    (written,) = re.findall(r"^VOLUME (.*)$", dockerfile, flags=re.MULTILINE)
    volumes = {volume["name"] for volume in PODS[name]["spec"]["volumes"]}
    for container in PODS[name]["spec"]["containers"]:
        mounts = {mount["mountPath"]: mount for mount in container["volumeMounts"]}
        assert set(json.loads(written)) <= set(mounts)
        assert {mount["name"] for mount in mounts.values()} <= volumes


def test_only_jobs_write_models_and_nobody_writes_data() -> None:
    for name, container in OURS:
        modes = {m["name"]: m.get("readOnly", False) for m in container.get("volumeMounts", [])}
        if "models" in modes:
            assert modes["models"] is (name not in {"buysignal-retrain", "buysignal-monitor"})
        if "data" in modes:
            assert modes["data"] is True


def labels(manifest: Manifest) -> set[tuple[str, Any]]:
    return set(manifest["metadata"]["labels"].items())


def test_selectors_find_the_pods_they_mean_and_no_others() -> None:
    for one in ALL:
        selector = one.get("spec", {}).get("selector")
        if one["kind"] in {"Deployment", "PodDisruptionBudget"}:
            selector = selector["matchLabels"]
        if one["kind"] in {"Deployment", "Service", "PodDisruptionBudget"}:
            found = [name for name, pod in PODS.items() if set(selector.items()) <= labels(pod)]
            assert found == [one["metadata"]["name"]]


def test_services_lead_to_ports_that_are_open() -> None:
    for one in ALL:
        if one["kind"] == "Service":
            (container,) = PODS[one["metadata"]["name"]]["spec"]["containers"]
            open_ports = {port["name"] for port in container["ports"]}
            assert {port["targetPort"] for port in one["spec"]["ports"]} <= open_ports


def test_every_pod_is_behind_the_policy_that_refuses() -> None:
    deny = named("NetworkPolicy", "buysignal-deny")["spec"]
    assert deny["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in deny
    assert [port["port"] for rule in deny["egress"] for port in rule["ports"]] == [53, 53]
    for pod in PODS.values():
        assert set(deny["podSelector"]["matchLabels"].items()) <= labels(pod)


def test_jobs_are_never_two_at_once_and_an_alarm_is_not_tried_again() -> None:
    for name in ("buysignal-retrain", "buysignal-monitor"):
        spec = named("CronJob", name)["spec"]
        assert spec["concurrencyPolicy"] == "Forbid"
        job = spec["jobTemplate"]["spec"]
        (container,) = job["template"]["spec"]["containers"]
        first = job["podFailurePolicy"]["rules"][0]
        assert first["action"] == "FailJob"
        assert first["onExitCodes"]["values"] == [2, 3]
        assert first["onExitCodes"]["containerName"] == container["name"]
        assert job["template"]["spec"]["restartPolicy"] == "Never"


def test_no_manifest_holds_a_secret() -> None:
    assert not [one for one in ALL if one["kind"] == "Secret"]
    text = FILE.read_text(encoding="utf-8")
    assert not re.search(r"(?i)(password|api_key): *\S", text)
