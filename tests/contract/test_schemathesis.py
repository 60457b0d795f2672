"""The published contract, tried from outside: schemathesis makes up requests and holds every answer to what is said."""

import schemathesis
from hypothesis import HealthCheck, settings
from service_fakes import KEY, World

EXAMPLES = 12
world = World()
schema = schemathesis.openapi.from_wsgi("/openapi.json", world.app)
quick = settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@schema.auth()
class Key:
    """Calls with a good key, and lets schemathesis try without."""

    def get(self, case: schemathesis.Case, context: object) -> str:
        """Return the key."""
        return KEY

    def set(self, case: schemathesis.Case, data: str, context: object) -> None:
        """Send it."""
        case.headers = {**(case.headers or {}), "Authorization": f"Bearer {data}"}


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: schemathesis.Case, kwargs: object) -> None:
    """Let no two requests share a key by chance: the second is refused for that, however good it is."""
    world.forget_keys()


@schema.parametrize()
@quick
def test_contract_holds(case: schemathesis.Case) -> None:
    """Whatever is sent, the answer is one that the contract names."""
    case.call_and_validate()


def test_contract_holds_along_the_way() -> None:
    """The same for whole walks: submit, list, follow, cancel, with the ids of earlier answers."""
    walks = settings(quick, max_examples=15, stateful_step_count=6)
    schema.as_state_machine().run(settings=walks)

    assert world.ledger.jobs
