import {
  type AccessLogFormat,
  type ErrorHandler,
  type FetchHandler,
  type HandlerContext,
  LIMITS,
  type Limits,
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

// @ts-expect-error: a root is a path or a URL
serve({ root: 5 });
// @ts-expect-error: no such option
serve({ root: '.', lstings: true });
// @ts-expect-error: a handler returns a Response
serve({ fetch: () => 'text' });
