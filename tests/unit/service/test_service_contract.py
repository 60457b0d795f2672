"""The exported contract: current, complete, and as strict as what runs."""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from service_fakes import World

from jobs.contract.catalogue import catalogue
from jobs.contract.report import PlanReport, ProfileReport, Report
from jobs.contract.state import JobState
from service.openapi import PATH, document, main, render
from service.schemas.reports import answer_schema

Json = dict[str, Any]
CONTRACT = document()
SCHEMAS: Json = CONTRACT["components"]["schemas"]
METHODS = {"get", "put", "post", "delete", "patch"}


def operations() -> Iterator[tuple[str, str, Json]]:
    """Yield every operation with its method and path."""
    for path, item in CONTRACT["paths"].items():
        for method in METHODS & item.keys():
            yield method, path, item[method]


def test_file_is_current() -> None:
    """The committed file is what the code says, and writing it again changes nothing."""
    assert PATH.read_text() == render() == render()
    assert main(["--check"]) == 0


def test_a_job_can_be_waited_for() -> None:
    """What getJob reads from query and headers is all published."""
    parameters = CONTRACT["paths"]["/v1/jobs/{job_id}"]["get"]["parameters"]

    assert {(each["in"], each["name"]) for each in parameters} == {("query", "wait"), ("header", "If-None-Match")}


def test_file_is_what_is_served() -> None:
    """The file and the running service tell the same."""
    assert World().client.get("/openapi.json").get_json() == yaml.safe_load(render()) == CONTRACT


def test_every_operation_has_a_name_of_its_own() -> None:
    """Generated clients name their functions after the operations."""
    names = [operation["operationId"] for _, _, operation in operations()]

    assert len(set(names)) == len(names) == 29
    assert all(operation["summary"] for _, _, operation in operations())


def test_every_route_is_in_the_contract() -> None:
    """What is served below /v1 is in the contract, and the other way round."""
    rules = {
        rule.rule.replace("<path:", "<").replace("<", "{").replace(">", "}")
        for rule in World().app.url_map.iter_rules()
    }

    assert {rule for rule in rules if rule.startswith("/v1/")} | {"/livez", "/readyz"} == set(CONTRACT["paths"])


def test_every_error_is_documented() -> None:
    """Each operation names the problems that follow from what it reads and whom it asks."""
    for _, path, operation in operations():
        statuses = set(operation["responses"])
        needed = {"500", "503"}
        needed |= {"401"} if path.startswith("/v1/") else set()
        needed |= {"400", "413", "415", "422"} if "requestBody" in operation else set()
        needed |= {"404"} if "{" in path else set()

        assert needed <= statuses, operation["operationId"]
        for status in statuses & {str(code) for code in range(400, 600)}:
            name = operation["responses"][status]["$ref"].rpartition("/")[2]
            content = CONTRACT["components"]["responses"][name]["content"]
            assert content == {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}


def test_only_health_is_open() -> None:
    """Every operation but the two of health needs a key."""
    assert CONTRACT["security"] == [{"apiKey": []}]
    assert {path for _, path, operation in operations() if operation.get("security") == []} == {"/livez", "/readyz"}


@pytest.mark.parametrize("name", catalogue())
def test_branches_say_what_the_catalogue_says(name: str) -> None:
    """A technique's branch has its tag, its parameters with bounds and defaults, and what goes together."""
    mapping = SCHEMAS["CompressionRequest"]["properties"]["steps"]["items"]["discriminator"]["mapping"]
    branch = SCHEMAS[mapping[name].rpartition("/")[2]]
    parameters = catalogue()[name]["parameters"]

    assert branch["properties"]["technique"] == {"type": "string", "const": name}
    assert branch["additionalProperties"] is False
    assert sorted(branch["required"]) == sorted(["technique", *parameters.get("required", [])])
    alternatives = [{"oneOf": parameters["oneOf"]}] if "oneOf" in parameters else []
    assert branch.get("allOf", []) == alternatives + parameters.get("allOf", [])
    for key, wanted in parameters["properties"].items():
        assert plain(branch["properties"][key]) == plain(wanted)


def plain(schema: Json) -> Json:
    """Return *schema* with references followed and both words for alternatives made one."""
    if "$ref" in schema:
        schema = SCHEMAS[schema["$ref"].rpartition("/")[2]] | {
            key: value for key, value in schema.items() if key != "$ref"
        }
    found = {"anyOf" if key == "oneOf" else key: value for key, value in schema.items()}
    if "anyOf" in found:
        found["anyOf"] = [plain(each) for each in found["anyOf"]]
        found = {key: value for key, value in found.items() if key in {"anyOf", "description", "default"}}
    return found | ({"items": plain(found["items"])} if "items" in found else {})


def test_requests_are_closed_and_answers_open() -> None:
    """A caller's misspelling is refused; a later server may say more than a client knows."""
    answers = {
        "Job",
        "JobPage",
        "Event",
        "EventPage",
        "Report",
        "PlanReport",
        "ProfileReport",
        "Manifest",
        "Upload",
        "Webhook",
        "WebhookWithSecret",
        "Delivery",
        "DeliveryPage",
        "Technique",
        "Problem",
        "Health",
    }

    assert all("additionalProperties" not in SCHEMAS[name] for name in answers)
    assert SCHEMAS["CompressionRequest"]["additionalProperties"] is False
    assert SCHEMAS["Job"]["properties"]["state"]["type"] == "string"
    assert SCHEMAS["Job"]["properties"]["state"]["x-extensible-enum"] == [*JobState]
    assert SCHEMAS["JobStateFilter"]["enum"] == [*JobState]


def test_every_schema_is_described() -> None:
    """Every component but a mere enumeration says what it is."""
    assert [name for name, schema in SCHEMAS.items() if "enum" not in schema and not schema.get("description")] == []


def test_report_is_that_of_the_worker() -> None:
    """The published report has the fields of the dataclass that the worker fills, and no others."""
    for each in (Report, PlanReport, ProfileReport):
        assert set(answer_schema(each)().fields) == set(each.__dataclass_fields__)
    assert SCHEMAS["Latency"]["properties"]["p50"] == {"type": "number", "description": "median [ms]."}
