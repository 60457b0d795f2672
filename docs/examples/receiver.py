"""Hears of jobs that ended: `WEBHOOK_SECRET=whsec_… flask --app receiver run`."""

import os

from flask import Flask, request
from modelpress import WebhookVerificationError, webhooks

app = Flask(__name__)
app.register_error_handler(WebhookVerificationError, lambda error: (str(error), 401))


@app.post("/modelpress")
def hear() -> tuple[str, int]:
    event = webhooks.verify(request.data, request.headers, os.environ["WEBHOOK_SECRET"])
    print(event.type, event.data.to_json())  # queue what takes long, and answer at once
    return "", 204
