// Server-sent events: a response stream without an end. Run it:
//   npm run build && node examples/events.mjs
//   curl -N http://127.0.0.1:8080/
import { serve } from 'epollet';

function ticks() {
  let timer;
  let count = 0;
  const stream = new ReadableStream({
    start(controller) {
      const tick = () => controller.enqueue(`id: ${++count}\ndata: ${new Date().toISOString()}\n\n`);
      tick();
      timer = setInterval(tick, 500);
    },
    // The client disconnected, or the server stops.
    cancel() {
      clearInterval(timer);
      console.log(`cancelled after ${count} events`);
    },
  });
  return stream.pipeThrough(new TextEncoderStream());
}

const server = serve({
  port: Number(process.env.PORT ?? 8080),
  fetch: () => new Response(ticks(), { headers: { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' } }),
});
console.log(server.url.href);
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => server.stop());
