"""Made from ``_async`` by ``make generate``: change it there."""
