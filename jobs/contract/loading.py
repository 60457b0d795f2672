"""How a result is opened: the lines that the model card and the job's page both show."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Way:
    """One way to open a result.

    Attributes:
        about: when to take it, in a sentence.
        code: Python that does.
    """

    about: str
    code: str


def ways(door: str, auto_class: str) -> tuple[Way, ...]:
    """Return the ways to open a result.

    Args:
        door: ``native`` or ``modelpress``, as the report says.
        auto_class: the class of transformers that opens it.
    """
    stock, line = f"from transformers import {auto_class}", f"model = {auto_class}.from_pretrained(folder)"
    if door == "native":
        return (Way("With transformers, and nothing else:", f"{stock}\n\n{line}"),)
    trusting = line.replace(")", ", trust_remote_code=True)")
    return (
        Way("With the ModelPress client installed:", f"import modelpress.transformers\n{stock}\n\n{line}"),
        Way("With transformers alone; this runs the code that lies beside the weights:", f"{stock}\n\n{trusting}"),
    )
