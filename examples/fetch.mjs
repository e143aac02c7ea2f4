// A server with one fetch handler. Run it: npm run build && node examples/fetch.mjs, and open the URL that it prints.
import { serve } from 'epollet';

const server = serve({
  port: Number(process.env.PORT ?? 8080),
  fetch(request, { peer }) {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname !== '/') return new Response('Not found.\n', { status: 404 });
    return new Response(`Hello, ${searchParams.get('name') ?? peer.address}!\n`);
  },
});
console.log(server.url.href);

// Pending responses are sent before the server stops.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => server.stop());
