#!/usr/bin/env python3
"""The pages of `jobmon serve` in a real browser: every page, filter, link and export, the editor's mistakes, the live tail.

    tests/e2e/dashboard.py [--example-bin FILE] [--cli-bin FILE] [--keep FOLDER]

axe-core looks at each page in light and dark, wide and narrow; hostile text in every field renders as text; a strict
Content-Security-Policy stops nothing of ours. `--keep` keeps screenshots.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

sys.dont_write_bytecode = True
import peers  # noqa: E402

if "--inside" not in sys.argv:
    # Goes on in the interpreter that has Playwright.
    inside = str(peers.python("browser"))
    os.execv(inside, [inside, __file__, "--inside", *sys.argv[1:]])
sys.argv = [word for word in sys.argv if word != "--inside"]

from axe_playwright_python.sync_playwright import Axe  # noqa: E402
from harness import Checks, arguments, run, started, title  # noqa: E402
from playwright.sync_api import sync_playwright  # noqa: E402

PAGES = ["/", "/models", "/features", "/quality", "/errors", "/sessions", "/insights", "/alerts", "/dashboards", "/live", "/calls"]
SIZES = [("light", 1280), ("dark", 1280), ("light", 390)]
HOSTILE = "<script>document.title='hacked'</script><img src=x onerror=\"document.title='hacked'\">'\"&"
PANELS = """title = "Mine"
[[panels]]
title = "Cost"
measures = ["cost"]
by = ["model"]
chart = "bars"
[[panels]]
title = "Rates"
measures = ["error_rate"]
chart = "lines"
[[panels]]
title = "All"
measures = ["calls", "cost"]
by = ["name"]
[[panels]]
title = "One"
measures = ["calls"]
chart = "number"
"""


@contextmanager
def serving(cli, folder):
    port = peers.free_port()
    command = [cli, "serve", "--db", folder / "h.db", "--listen", f"127.0.0.1:{port}", "--grpc", "off"]
    with started(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
        peers.until(lambda: peers.answers(f"http://127.0.0.1:{port}/healthz"), "the server is not up", 30)
        yield f"http://127.0.0.1:{port}"


def send(base, trace, text, operation="chat"):
    """A call with the same text in every field."""
    def attribute(key, value):
        return {"key": key, "value": {"stringValue": value}}

    keys = ["gen_ai.request.model", "gen_ai.provider.name", "gen_ai.agent.name", "session.id", "user.id", "jobmon.feature",
            "jobmon.strategy", "jobmon.name", "gen_ai.prompt.name", "gen_ai.prompt.version", "error.type", "error.message",
            "gen_ai.response.id", "gen_ai.tool.name", text[:40]]
    messages = json.dumps([{"role": "user", "parts": [{"type": "text", "content": text}]}])
    span = {
        "traceId": trace, "spanId": "00f067aa0ba902b7", "name": text,
        "startTimeUnixNano": str(time.time_ns()), "endTimeUnixNano": str(time.time_ns() + 5_000_000),
        "status": {"code": 2, "message": text},
        "attributes": [attribute("gen_ai.operation.name", operation), attribute("gen_ai.input.messages", messages),
                       *(attribute(key, text) for key in keys)],
    }
    resource = [attribute(key, text) for key in ("service.name", "deployment.environment.name", "jobmon.project.id")]
    body = {"resourceSpans": [{"resource": {"attributes": resource}, "scopeSpans": [{"spans": [span]}]}]}
    request = urllib.request.Request(f"{base}/v1/traces", json.dumps(body).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.status


class Browser:
    def __init__(self, page, base):
        self.page, self.base, self.problems = page, base, []
        page.on("console", lambda message: message.type == "error" and self.problems.append(message.text))
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("response", lambda answer: answer.url.startswith(base) or self.problems.append(f"asks {answer.url}"))

    def go(self, path):
        answer = self.page.goto(self.base + path, wait_until="load")
        return answer.status

    def taken(self):
        found, self.problems = self.problems, []
        return found


def pages(checks, browser, base, keep, paths):
    axe = Axe()
    for scheme, width in SIZES:
        context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
        at = Browser(context.new_page(), base)
        problems, serious, wide, heavy = [], [], [], []
        for path in paths:
            status = at.go(path)
            if status != 200:
                problems.append(f"{path}: {status}")
            problems += [f"{path}: {problem}" for problem in at.taken()]
            if keep:
                name = path.strip("/").split("?")[0].replace("/", "-") or "overview"
                at.page.screenshot(path=keep / f"{name}-{scheme}-{width}.png", full_page=True)
            found = axe.run(at.page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]})
            serious += [
                f"{path}: {one['id']} ({one['impact']}): {one['nodes'][0]['html'][:160]} {one['nodes'][0].get('failureSummary', '')[:200]}"
                for one in found.response["violations"] if one["impact"] in ("serious", "critical", "moderate")
            ]
            if at.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
                wide.append(path)
            size = at.page.evaluate("performance.getEntriesByType('navigation')[0].transferSize")
            if size > 150_000:
                heavy.append(f"{path}: {size}")
        checks.none(problems, f"{scheme}, {width} wide: {len(paths)} pages load without a word on the console")
        checks.none(serious, f"{scheme}, {width} wide: axe-core finds nothing")
        checks.none(wide, f"{scheme}, {width} wide: no page is wider than the screen")
        checks.none(heavy, f"{scheme}, {width} wide: each page is below 150 KB")
        context.close()


def links(checks, at):
    """Every link of every page leads to a page."""
    seen, broken = set(), []
    for path in PAGES:
        at.go(path)
        for link in at.page.eval_on_selector_all("a[href]", "all => all.map(one => one.href)"):
            seen.add(link.split("#")[0])
    for link in sorted(seen):
        answer = at.page.request.get(link)
        if answer.status != 200:
            broken.append(f"{link}: {answer.status}")
    checks.none(broken, f"{len(seen)} links of all pages lead somewhere")
    csv = [link for link in seen if "format=csv" in link]
    json_links = [link for link in seen if "format=json" in link]
    parsed = all(isinstance(at.page.request.get(link).json(), list) for link in json_links)
    checks.that(len(csv) > 15 and parsed, f"{len(csv)} tables as CSV, {len(json_links)} as JSON")


def filters(checks, at):
    at.go("/calls")
    page = at.page
    before = page.locator("tbody tr").count()
    page.select_option("select[name=add]", "name")
    page.fill("input[name=value]", "analyze")
    page.click("form.filters button")
    names = set(page.locator("tbody tr td:nth-child(2)").all_inner_texts())
    checks.that(names == {"analyze"} and "name=analyze" in page.url, "the form adds a filter, which the address holds", (names, page.url))
    checks.that(0 < page.locator("tbody tr").count() < before, "there are fewer calls then")
    page.click("ul.chips a")
    checks.that(page.locator("tbody tr").count() == before and "name=" not in page.url, "a click removes it")
    page.click("text=7 days")
    checks.that("since=7d" in page.url, "a time is in the address")
    page.click("nav >> text=Models")
    checks.that("/models" in page.url and "since=7d" in page.url, "and goes along to other pages")
    count = page.locator("#models tbody tr td.number a").first
    calls = int(count.inner_text().replace(",", ""))
    count.click()
    checks.that("/calls" in page.url and page.locator("tbody tr").count() == min(calls, 100), f"a number leads to its {calls} calls")
    page.locator("tbody tr a").first.click()
    checks.that("/traces/" in page.url and page.locator(".waterfall details[open]").count() == 1, "a call leads to its trace, and is open there")
    at.go("/calls?modle=x")
    checks.that("nothing that this page knows" in page.inner_text("[role=alert]"), "a mistake in an address is told")
    at.taken()
    # Everything can be reached by keyboard.
    at.go("/")
    page.keyboard.press("Tab")
    checks.that(page.evaluate("document.activeElement.className") == "skip", "the first key leads to the content")
    page.keyboard.press("Enter")
    checks.that(page.url.endswith("#content"), "past the menu")


def editor(checks, at, folder):
    page = at.page
    at.go("/dashboards")
    page.fill("input[name=name]", "mine")
    page.click("text=Begin")
    checks.that("measures" in page.input_value("textarea"), "a new dashboard begins with an example")
    page.fill("textarea", "[[panels]]\nmeasures = ['costs']\n")
    page.click("text=Save")
    told = page.inner_text("[role=alert]")
    held = "unknown measure `costs`" in told and "mine.toml:2:12" in told and "^" in told and "costs" in page.input_value("textarea")
    checks.that(held, "a mistake is told at its place, and what was written stays", told)
    checks.that(not (folder / "dashboards" / "mine.toml").exists(), "nothing is saved then")
    at.taken()
    page.fill("textarea", PANELS)
    page.click("text=Save")
    checks.that(page.url.endswith("/dashboards/mine") and page.locator("main svg").count() >= 2, "a right one is shown", page.url)
    checks.that(page.inner_text("h1") == "Mine", "under its title")
    (folder / "dashboards" / "mine.toml").write_text(PANELS.replace('"Mine"', '"Changed on disk"'))
    page.locator("h1", has_text="Changed on disk").wait_for(timeout=15_000)
    checks.that(page.inner_text("h1") == "Changed on disk", "it is shown anew when its file is saved")
    rows = page.request.get(at.base + "/dashboards/mine?section=panel3&format=json").json()
    checks.that({row["name"] for row in rows} >= {"analyze", "search"}, "its tables are there for machines", rows)
    at.go("/dashboards/mine/edit")
    page.click("text=Remove")
    checks.that(not (folder / "dashboards" / "mine.toml").exists(), "it can be removed")
    checks.none(at.taken(), "without a word on the console")


def live(checks, at):
    page = at.page
    at.go("/live")
    send(at.base, "1" * 32, "came just now")
    new = page.locator("tbody tr", has_text="came just now").first
    new.wait_for(timeout=15_000)
    checks.that("error" in new.inner_text(), "a call appears while the page is open")
    page.click("#pause")
    checks.that(page.get_attribute("#pause", "aria-pressed") == "true", "it can be paused")
    checks.none(at.taken(), "without a word on the console")


def hostile(checks, at):
    trace = "2" * 32
    send(at.base, trace, HOSTILE)
    problems = []
    for path in [*PAGES, f"/traces/{trace}"]:
        at.go(path)
        at.page.wait_for_timeout(50)
        if at.page.title() == "hacked" or at.page.locator("img").count():
            problems.append(path)
    checks.none(problems, "hostile text in every field runs nowhere")
    at.go(f"/traces/{trace}")
    shown = at.page.inner_text("main")
    checks.that("<script>" in shown and "onerror=" in shown, "and is shown as text")
    checks.none(at.taken(), "without a word on the console")


def main():
    options = arguments(__doc__, keep="where screenshots stay")
    checks = Checks()
    if options.keep:
        options.keep.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="jobmon-dashboard-") as folder, sync_playwright() as play:
        folder = Path(folder)
        done = run([options.example_bin, "--quiet", "--db", folder / "h.db"])
        assert done.code == 0, done
        (folder / "jobmon.toml").write_text(
            '[[budgets]]\nname = "all"\nlimit = "$1"\nper = "day"\ntotal = true\n'
            '[[alerts]]\nname = "Slow"\ncondition = "p95_latency > 1ms"\nwindow = "1h"\n'
        )
        browser = play.chromium.launch(executable_path=peers.chromium(), args=["--no-sandbox"])
        with serving(options.cli_bin, folder) as base:
            trace = json.loads(urllib.request.urlopen(f"{base}/calls?section=calls&format=json").read())[0]["trace"]
            (folder / "dashboards").mkdir()
            (folder / "dashboards" / "shown.toml").write_text(PANELS)
            title("Every page")
            more = [f"/traces/{trace}", "/dashboards/shown", "/dashboards/shown/edit", "/?since=7d", "/calls?end=error"]
            pages(checks, browser, base, options.keep, PAGES + more)
            context = browser.new_context(viewport={"width": 1280, "height": 900})
            at = Browser(context.new_page(), base)
            title("Links and tables")
            links(checks, at)
            title("Filters")
            filters(checks, at)
            title("Editor")
            editor(checks, at, folder)
            title("Live")
            live(checks, at)
            title("Hostile text")
            hostile(checks, at)
        browser.close()
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
