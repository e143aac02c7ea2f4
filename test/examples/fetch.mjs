// A server of one function. Run it: npm run build && node test/examples/fetch.mjs, and open what it prints.
import { serve } from 'epollet';

const server = serve({
  port: Number(process.env.PORT ?? 8080),
  fetch(request, { peer }) {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname !== '/') return new Response('There is nothing here.\n', { status: 404 });
    return new Response(`Hello, ${searchParams.get('name') ?? peer.address}!\n`);
  },
});
console.log(server.url.href);

// Answers under way are sent to their end.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => server.stop());
