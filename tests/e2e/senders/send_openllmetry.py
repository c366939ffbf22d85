"""The OpenAI SDK with OpenLLMetry's instrumentation, over gRPC or HTTP: chats, a stream, embeddings' refusal, an error.

    send_openllmetry.py OTLP_ADDRESS MODEL_ADDRESS REPORT
"""

import json
import os
import sys

otlp, model_address, report = sys.argv[1:]
os.environ["TRACELOOP_TRACE_CONTENT"] = "true"

from openai import OpenAI, OpenAIError  # noqa: E402
from opentelemetry import trace  # noqa: E402
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter  # noqa: E402
from opentelemetry.instrumentation.openai import OpenAIInstrumentor  # noqa: E402
from opentelemetry.sdk.resources import Resource  # noqa: E402
from opentelemetry.sdk.trace import TracerProvider  # noqa: E402
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor  # noqa: E402
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter  # noqa: E402

kept = InMemorySpanExporter()
provider = TracerProvider(resource=Resource.create({"service.name": "openllmetry-py"}))
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=otlp, insecure=True)))
provider.add_span_processor(SimpleSpanProcessor(kept))
trace.set_tracer_provider(provider)
OpenAIInstrumentor().instrument()

client = OpenAI(base_url=f"{model_address}/v1", api_key="none", max_retries=0)
tracer = trace.get_tracer("mine")
with tracer.start_as_current_span("a request of the web"):
    for question in ("Hello.", "Name a city."):
        client.chat.completions.create(
            model="gpt-4o-mini", max_tokens=10, temperature=0, messages=[{"role": "user", "content": question}]
        )
stream = client.chat.completions.create(
    model="gpt-4o-mini", max_tokens=8, temperature=0, stream=True, stream_options={"include_usage": True},
    messages=[{"role": "user", "content": "Say hello."}],
)
for _ in stream:
    pass
try:
    client.chat.completions.create(model="gpt-4o-mini", messages=[{"content": "nobody says this"}])
except OpenAIError:
    pass
provider.force_flush()
spans = [
    {
        "trace": f"{span.context.trace_id:032x}", "span": f"{span.context.span_id:016x}", "name": span.name,
        "parent": span.parent and f"{span.parent.span_id:016x}", "failed": span.status.status_code.name == "ERROR",
        "attributes": {key: list(value) if isinstance(value, tuple) else value for key, value in span.attributes.items()},
    }
    for span in kept.get_finished_spans()
]
with open(report, "w") as file:
    json.dump(spans, file)
provider.shutdown()
