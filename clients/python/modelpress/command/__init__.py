"""The command ``modelpress``: the service from a shell, for people and for pipelines.

Nothing outside this package imports it, and ``import modelpress`` loads neither typer nor rich.
"""
