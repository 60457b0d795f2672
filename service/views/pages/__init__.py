"""The web page: what people see of the service, rendered here and readable without scripts."""

from service.views.pages import files, jobs, landscapes, new, sign_in, techniques

BLUEPRINTS = (
    *(each.blueprint for each in (files, sign_in, jobs, new, techniques, landscapes)),
    sign_in.leaving,
    landscapes.charts,
)
