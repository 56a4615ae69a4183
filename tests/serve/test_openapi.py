"""Whatever the description of the interface allows, and what it does not: no 5xx and no broken answer."""

from __future__ import annotations

import pytest

from .conftest import Server

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")

from schemathesis.checks import not_a_server_error  # noqa: E402
from schemathesis.config import SchemathesisConfig  # noqa: E402
from schemathesis.specs.openapi import checks  # noqa: E402

EXAMPLES = 25
"""Of each route; the same ones in every run."""

EXPECTED = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
    checks.positive_data_acceptance,
    checks.unsupported_method,
]


@pytest.fixture(scope="session")
def description(server: Server) -> schemathesis.openapi.OpenApiSchema:
    config = SchemathesisConfig.from_dict(
        {"generation": {"max-examples": EXAMPLES, "deterministic": True, "database": "none"}}
    )
    return schemathesis.openapi.from_url(f"{server.url}/openapi.json", config=config)


described = schemathesis.pytest.from_fixture("description")


@described.parametrize()
def test_the_server_keeps_to_its_description(case: schemathesis.Case) -> None:
    case.call_and_validate(checks=EXPECTED)
