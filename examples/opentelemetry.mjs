// A span of OpenTelemetry for each request, the child of the one in its traceparent; those of the handler nest in it.
// Run: PORT=8080 node examples/opentelemetry.mjs
import { AsyncLocalStorage } from 'node:async_hooks';
import { tracingChannel } from 'node:diagnostics_channel';
import { context, propagation, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { BasicTracerProvider, ConsoleSpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { serve } from 'epollet';

const [store, spans] = [new AsyncLocalStorage(), new WeakMap()];
context.setGlobalContextManager({
  active: () => store.getStore() ?? ROOT_CONTEXT,
  with: (active, run, self, ...args) => store.run(active, () => run.apply(self, args)),
  bind: (active, run) => (typeof run === 'function' ? (...args) => store.run(active, () => run(...args)) : run),
});
propagation.setGlobalPropagator(new W3CTraceContextPropagator());
const spanProcessors = [new SimpleSpanProcessor(new ConsoleSpanExporter())]; // another exporter sends them to a collector
const tracer = new BasicTracerProvider({ spanProcessors }).getTracer('epollet');

const channel = tracingChannel('epollet.request');
channel.start.bindStore(store, (message) => {
  const attributes = { 'http.request.method': message.method, 'url.path': message.target.split('?')[0] };
  const parent = propagation.extract(ROOT_CONTEXT, message.headers);
  const span = tracer.startSpan(message.method, { kind: SpanKind.SERVER, attributes }, parent);
  spans.set(message, span);
  return trace.setSpan(parent, span);
});
channel.error.subscribe((message) => spans.get(message)?.recordException(message.error));
channel.asyncEnd.subscribe((message) => {
  const span = spans.get(message)?.setAttribute('http.response.body.size', message.bytes);
  if (message.status !== null) span?.setAttribute('http.response.status_code', message.status);
  if (!message.isComplete || message.status >= 500) span?.setStatus({ code: SpanStatusCode.ERROR });
  span?.end();
});

const fetch = (request) => tracer.startActiveSpan('work', (span) => respond(request).finally(() => span.end()));
const respond = async ({ url }) =>
  new Response(`${trace.getActiveSpan()?.spanContext().traceId} ${new URL(url).pathname}\n`);
console.log(serve({ fetch, port: Number(process.env.PORT ?? 8080) }).url.href);
