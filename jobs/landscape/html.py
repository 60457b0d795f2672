"""A landscape as one page that needs no network: the chart library, our script, its style and the report within.

About 0.8 MB, of which the library takes 0.7.
"""

import json
from base64 import b64encode
from hashlib import sha256
from html import escape
from pathlib import Path
from string import Template

from jobs.contract.landscape import LandscapeReport

PAGE = Path(__file__).parent / "page"
LIBRARY, SCRIPT, STYLE = "echarts.common.min.js", "landscape.js", "landscape.css"

_START = """
const report = JSON.parse(document.getElementById("report").textContent);
drawLandscape(document.getElementById("landscape"), report);
"""

_SHELL = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="$policy">
<title>$title</title>
<style>$style</style>
</head>
<body class="landscape-page">
<h1>$title</h1>
<main id="landscape"></main>
<script type="application/json" id="report">$report</script>
<script>$library</script>
<script>$script</script>
<script>$start</script>
</body>
</html>
""")


def to_html(report: LandscapeReport) -> str:
    """Return the page of *report*: nothing is loaded, and no other script than its own runs."""
    library, script, style = ((PAGE / name).read_text(encoding="utf-8") for name in (LIBRARY, SCRIPT, STYLE))
    uri = report.model.get("uri", "")
    return _SHELL.substitute(
        policy=_policy(style, library, script, _START),
        title=escape(f"The landscape of {uri}" if uri else "A landscape"),
        style=style,
        report=embedded(report),
        library=library,
        script=script,
        start=_START,
    )


def embedded(report: LandscapeReport) -> str:
    """Return *report* as JSON that can stand within a script element: no ``<`` can end it or open a comment."""
    document = json.dumps(report.to_json(), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return document.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _policy(style: str, *scripts: str) -> str:
    """Return the page's Content-Security-Policy, which names its style and its scripts by their hashes."""
    allowed = " ".join(map(_hash, scripts))
    return f"default-src 'none'; script-src {allowed}; style-src {_hash(style)}; img-src data:; base-uri 'none'"


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
