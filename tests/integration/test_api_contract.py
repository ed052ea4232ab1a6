"""The API keeps what its description promises, for whatever a client makes up."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest

from onenet_api.connections.model import Connection
from onenet_api.connections.store import JOINED
from onenet_api.problems import ProblemView
from onenet_api.tables import ConnectionRow
from tests.fuzz import campaign
from tests.integration.api_scene import Owner, Scene

Document = dict[str, Any]

CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
    "response_schema_conformance,negative_data_rejection,ignored_auth,unsupported_method,missing_required_header"
)
"""Those that hold whatever exists already; what is valid may still be refused, as a used key is."""


@pytest.fixture
def description(scene: Scene) -> Document:
    document: Document = scene.app.openapi()
    return document


async def test_every_operation_documents_its_errors_as_problems(description: Document) -> None:
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            responses = operation["responses"]
            assert "500" in responses, (method, path)
            assert ("401" in responses) is path.startswith("/v1/"), (method, path)
            for status, response in responses.items():
                if int(status) >= 400:
                    assert list(response["content"]) == ["application/problem+json"], (method, path, status)


async def test_every_example_is_valid_against_its_schema(description: Document) -> None:
    components = description["components"]
    with_example = {name for name, schema in components["schemas"].items() if "example" in schema}
    assert len(with_example) >= 18
    for name in with_example:
        schema = {"$ref": f"#/components/schemas/{name}", "components": components}
        found = jsonschema_rs.Draft202012Validator(schema).iter_errors(components["schemas"][name]["example"])
        assert [error.message for error in found] == [], name


async def test_every_body_has_an_example(description: Document) -> None:
    bodies = [
        operation["requestBody"]
        for operations in description["paths"].values()
        for operation in operations.values()
        if "requestBody" in operation
    ]
    assert len(bodies) == 18
    for body in bodies:
        schema = body["content"]["application/json"]["schema"]
        names = [part["$ref"] for part in schema.get("anyOf", [schema]) if "$ref" in part]
        assert "example" in description["components"]["schemas"][names[0].rsplit("/", 1)[1]]


async def test_the_docs_page_loads_nothing_from_elsewhere(scene: Scene) -> None:
    page = await scene.anonymous.get("/docs")
    assert page.status_code == 200
    assert "https://" not in page.text
    assert (await scene.anonymous.get("/static-offline-docs/swagger-ui-bundle.js")).status_code == 200


async def test_clients_learn_where_to_sign_in(scene: Scene) -> None:
    told = (await scene.anonymous.get("/.well-known/onenet")).json()
    assert told == {"issuer": "https://issuer.example", "audience": "onenet", "client_id": "onenet-cli"}


async def test_a_real_problem_is_what_is_described(scene: Scene) -> None:
    answer = await scene.anonymous.get("/v1/me")
    ProblemView.model_validate(answer.json())


async def test_the_table_has_a_column_for_every_field_of_a_connection() -> None:
    assert set(ConnectionRow.model_fields) == set(Connection.model_fields) - JOINED


async def test_no_request_that_can_be_made_up_gets_an_answer_that_is_not_described(
    scene: Scene, left: Owner, right: Owner, monitor_views: str
) -> None:
    async with scene.served() as url:
        found = await campaign.run(
            url,
            scene.issuer.token("lena"),
            seed=1,
            arguments=(
                *("--checks", CHECKS, "--phases", "examples,fuzzing", "--max-examples", "5"),
                "--generation-deterministic",
            ),
        )
    assert found.passed, found.output
    assert found.cases > 0
