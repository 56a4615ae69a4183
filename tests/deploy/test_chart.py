"""The Helm chart as Helm itself renders it; skipped where Helm is not there."""

from __future__ import annotations

import pytest

from .reading import (
    CHART,
    DEPLOY,
    ROOT,
    containers,
    helm,
    manifests,
    parsed,
    pod_of,
    refusal,
    rendered,
    run,
    tool,
    validate,
)


def test_the_chart_is_one_that_helm_likes() -> None:
    done = helm("lint", CHART, "--strict")
    assert done.returncode == 0, done.stdout
    assert "0 chart(s) failed" in done.stdout


def test_the_plain_manifests_are_what_the_chart_renders_to() -> None:
    tool("helm")
    done = run(ROOT / "scripts" / "manifests.sh", "print")
    assert done.returncode == 0, done.stderr
    assert done.stdout == (DEPLOY / "kubernetes" / "buysignal.yaml").read_text(encoding="utf-8"), (
        "run: scripts/manifests.sh"
    )


FETCH = (
    "--set=models.persistence.enabled=false,models.fetch.enabled=true,retrain.enabled=false",
    "--set=models.fetch.image=example.com/copy:1,models.fetch.args={copy,s3://bucket/registry,/models/registry}",
)
OPTIONS = {
    "as it comes": (),
    "aws": ("--values", DEPLOY / "aws" / "values.yaml"),
    "gcp": ("--values", DEPLOY / "gcp" / "values.yaml"),
    "azure": ("--values", DEPLOY / "azure" / "values.yaml"),
    "models fetched": FETCH,
    "one server with its own memory": ("--set=api.state=memory,api.replicas=1",),
    "tracked, ids hashed": ("--set=mlflow.enabled=true,idKeySecret=ids",),
    "named by the user": (
        "--set=fullnameOverride=signals,serviceAccount.create=false,networkPolicy.enabled=false",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", OPTIONS)
def test_every_way_of_installing_gives_what_kubernetes_knows(name: str) -> None:
    found = manifests(rendered(*OPTIONS[name]))
    assert len(found) > 8
    for one in found:
        validate(one)
        pod = pod_of(one)
        for container in [] if pod is None else containers(pod):
            assert container["securityContext"]["readOnlyRootFilesystem"] is True
            if "buysignal:" in container["image"] and "command" not in container:
                assert parsed(container["args"])


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--set=api.state=memory"], "memory serves one replica alone, and 2 may run"),
        (["--set=api.state=memory,api.replicas=1,api.autoscaling.enabled=true"], "and 6 may run"),
        (["--set=worker.enabled=true"], "worker.bootstrap is empty"),
        (["--set=models.persistence.enabled=false"], "no place for models"),
        (["--set=models.fetch.enabled=true"], "is shared, or it is fetched"),
        (["--set=models.persistence.enabled=false,models.fetch.enabled=true"], "retrain writes to"),
        (["--set=api.replica=3"], "replica"),
        (["--set=api.forgetAfter=7"], "forgetAfter"),
        (["--set=retrain.when=always"], "when"),
        (["--set=image.digest=sha256:123"], "digest"),
        (["--set=api.existingSecret="], "existingSecret"),
    ],
)  # fmt: skip
def test_settings_that_cannot_work_end_with_a_sentence(options: list[str], sentence: str) -> None:
    assert sentence in refusal(*options)


def test_a_digest_wins_over_a_tag() -> None:
    digest = "sha256:" + "a" * 64
    text = rendered(f"--set=image.repository=example.com/buysignal,image.tag=v1,image.digest={digest}")
    images = {c["image"] for m in manifests(text) if (pod := pod_of(m)) for c in containers(pod)}
    assert images == {f"example.com/buysignal@{digest}"}
