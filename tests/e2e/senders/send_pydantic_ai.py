"""A pydantic-ai agent with Logfire's instrumentation: a real model by HTTP, tools, a stream, a failure, two sessions.

    send_pydantic_ai.py OTLP_ADDRESS MODEL_ADDRESS REPORT

Writes what the spans say that were sent, as the SDK had them, so that it can be compared with what arrived.
"""

import asyncio
import json
import os
import sys

otlp, model_address, report = sys.argv[1:]
os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = otlp
os.environ["OPENAI_API_KEY"] = "none"

import logfire  # noqa: E402
from opentelemetry.sdk.trace.export import SimpleSpanProcessor  # noqa: E402
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter  # noqa: E402
from pydantic_ai import Agent, ModelRetry  # noqa: E402
from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart  # noqa: E402
from pydantic_ai.models.function import FunctionModel  # noqa: E402
from pydantic_ai.models.openai import OpenAIChatModel  # noqa: E402
from pydantic_ai.providers.openai import OpenAIProvider  # noqa: E402
from pydantic_ai.usage import RequestUsage  # noqa: E402

kept = InMemorySpanExporter()
logfire.configure(
    send_to_logfire=False, service_name="jobs-py", environment="test", console=False,
    additional_span_processors=[SimpleSpanProcessor(kept)],
)
logfire.instrument_pydantic_ai()

real = OpenAIChatModel("gpt-4o-mini", provider=OpenAIProvider(base_url=f"{model_address}/v1", api_key="none"))
writer = Agent(real, name="writer", model_settings={"max_tokens": 12, "temperature": 0})

turns = 0


def scripted(messages, info):
    global turns
    turns += 1
    usage = RequestUsage(input_tokens=100 + turns, output_tokens=10 + turns, cache_read_tokens=turns)
    tool = turns % 3 in (1, 2)
    parts = [ToolCallPart("search", {"query": "rust" if turns % 3 == 2 else "bad"})] if tool else [TextPart("3 jobs")]
    return ModelResponse(parts=parts, model_name="gpt-4o-mini", usage=usage)


searcher = Agent(FunctionModel(scripted, model_name="gpt-4o-mini"), name="searcher", system_prompt="Find jobs.")


@searcher.tool_plain
def search(query: str) -> int:
    if query == "bad":
        raise ModelRetry("ask for something else")
    return 3


def broken(messages, info):
    raise TimeoutError("Request timed out")


async def main():
    for question in ("Hello.", "Name a city."):
        await writer.run(question)
    async with writer.run_stream("Say hello.") as stream:
        await stream.get_output()
    with logfire.span("a request of the web"):
        await searcher.run("find jobs")
        await searcher.run("find more jobs")
    try:
        await Agent(FunctionModel(broken, model_name="gpt-4o-mini"), name="broken").run("x")
    except TimeoutError:
        pass


asyncio.run(main())
logfire.force_flush()
spans = [
    {
        "trace": f"{span.context.trace_id:032x}", "span": f"{span.context.span_id:016x}", "name": span.name,
        "parent": span.parent and f"{span.parent.span_id:016x}", "failed": not span.status.is_ok and span.status.status_code.name == "ERROR",
        "attributes": {key: list(value) if isinstance(value, tuple) else value for key, value in span.attributes.items()},
    }
    for span in kept.get_finished_spans()
    if span.attributes.get("logfire.span_type") != "pending_span"
]
with open(report, "w") as file:
    json.dump(spans, file)
logfire.shutdown()
