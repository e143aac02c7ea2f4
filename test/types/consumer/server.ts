import {
  type AccessLogFormat,
  type ErrorHandler,
  type FetchHandler,
  type HandlerContext,
  LIMITS,
  type Limits,
  type RouteParams,
  type Routes,
  type ServeOptions,
  type Server,
  serve,
} from 'epollet';

const fetch: FetchHandler = async (request, { peer, server }: HandlerContext) => {
  const { pathname } = new URL(request.url);
  return Response.json({
    pathname,
    peer: peer?.address,
    open: server.stats().connections.open,
    text: await request.text(),
  });
};
const error: ErrorHandler = () => new Response(null, { status: 500 });
const accessLog: AccessLogFormat = 'json';
const limits: Partial<Limits> = { idleTimeoutMs: LIMITS.idleTimeoutMs.default };
const options: ServeOptions = { root: new URL('file:///srv/www'), fetch, error, accessLog, limits, port: 0 };

export async function run(): Promise<string> {
  await using server: Server = serve(options);
  server.unref();
  await server.stop({ force: true });
  return `${server.url.href} ${server.stats().connections.accepted}`;
}

const params: RouteParams<'/users/:id/posts/:post'> = { id: '1', post: '2' };
const routes: Routes = { '/any/:id': ({ params: any }) => new Response(any['id'] ?? null) };
serve({ routes });
serve({
  routes: {
    '/response': new Response('x'),
    '/users/:id/posts/:post': (request, { peer }) =>
      new Response(`${request.params.id}${request.params.post}${peer?.port}`),
    '/files/*': { GET: new Response('x'), POST: async (request) => new Response(await request.text()) },
    '/left': false,
    // @ts-expect-error: it has no such parameter
    '/a/:x': (request) => new Response(request.params.y),
  },
  fetch: (request, info) => {
    info.informational(103, { Link: `</${params.id}>` });
    info.server.timeout(request, 0);
    return Response.json(info.server.requestIP(request)?.address ?? info.server.pendingRequests);
  },
}).reload({ routes: { '/b/:y': ({ params: { y } }) => new Response(y) }, error: undefined });

// @ts-expect-error: methods are in upper case
serve({ routes: { '/x': { get: () => new Response('x') } } });
// @ts-expect-error: a route returns a Response
serve({ routes: { '/x': () => 'x' } });
// @ts-expect-error: a root is a path or a URL
serve({ root: 5 });
// @ts-expect-error: no such option
serve({ root: '.', lstings: true });
// @ts-expect-error: a handler returns a Response
serve({ fetch: () => 'text' });
