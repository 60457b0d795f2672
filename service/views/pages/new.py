"""The form that asks for a compression; the schema of the API judges it."""

from collections.abc import Mapping

from flask import Response, current_app, request

from jobs.contract.catalogue import catalogue
from jobs.contract.state import JobKind
from service.errors import InvalidFieldsError
from service.pages import drafts
from service.pages.drafts import Draft
from service.pages.forms import FormMaker, group_id
from service.parsing import checked
from service.rendering import page
from service.views.pages.guard import PrivatePages, see
from service.views.responses import job_of
from service.views.submitting import CompressionRequest, submit

blueprint = PrivatePages("form_pages", __name__)
KINDS: Mapping[str, JobKind] = {"compress": JobKind.COMPRESSION, "plan": JobKind.PLAN}


@blueprint.get("/new")
def show_form() -> Response:
    """Return the form: empty, begun with a technique, or like an earlier job's request."""
    draft: Draft = drafts.draft_of(job_of(request.args["like"]).request) if "like" in request.args else {}
    for technique in request.args.getlist("technique"):
        draft = drafts.with_step(draft, technique)
    return _form(draft)


@blueprint.post("/new")
def take_form() -> Response:
    """Submit what the form asks for, or return it: with another step or one less, or with what is wrong."""
    draft = {pointer: texts for pointer, texts in request.form.lists() if pointer.startswith("/")}
    word, _, what = request.form.get("do", "").partition(" ")
    if word not in KINDS:
        return _form(*_edited(draft, word, what))
    try:
        document = checked(CompressionRequest, drafts.document_of(draft, _maker().schemas(draft)), "json")
    except InvalidFieldsError as error:
        return page("new.html", 422, form=_maker().form(draft, error.errors), techniques=catalogue())
    return see(f"/jobs/{submit(KINDS[word], document).id}")


def _edited(draft: Draft, word: str, what: str) -> tuple[Draft, str]:
    """Return the draft after a button was pressed, and the pointer to go on at."""
    if word == "add" and what in catalogue():
        return drafts.with_step(drafts.without(draft, "/target"), what), f"/steps/{len(drafts.techniques_of(draft))}"
    if word == "remove" and what.isdecimal():
        return drafts.without_step(draft, int(what)), ""
    if word == "target":
        return {**drafts.without(draft, "/steps"), "/target/metric": [""]}, "/target"
    return drafts.without(draft, "/target"), ""


def _form(draft: Draft, pointer: str = "") -> Response:
    form = _maker().form(draft, focus=group_id(pointer) if pointer else "")
    return page("new.html", form=form, techniques=catalogue())


def _maker() -> FormMaker:
    """Return what makes forms from the published contract."""
    api = current_app.extensions["flask-smorest"]["apis"][""]["ext_obj"]
    return FormMaker(catalogue(), api.spec.to_dict()["components"]["schemas"])
