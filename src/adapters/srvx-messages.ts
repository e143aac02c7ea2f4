import type { IncomingMessage } from 'node:http';
import { PassThrough, Readable } from 'node:stream';
import type { ServerRequest, ServerRuntimeContext } from 'srvx';
import type { UpgradeSocket } from '../server/upgrade/upgrade-socket.js';
import type { SrvxContext as Context } from './srvx-options.js';

interface NodeUpgrade {
  req: IncomingMessage;
  upgrade: { socket: UpgradeSocket; head: Buffer };
}

/** The member `runtime` of a request. */
class Runtime {
  readonly name = 'node';

  constructor(readonly epollet: Context) {}

  /** Of a request for an upgrade what `node:http` would have of it; of another one nothing. */
  get node(): NodeUpgrade | undefined {
    const { epollet } = this;
    if (!('socket' in epollet)) return undefined;
    const { incoming, socket, head } = epollet;
    return { req: incoming, upgrade: { socket, head } };
  }
}

/** The client's address. One function for all requests; the kernel is asked when it is first accessed. */
const IP: PropertyDescriptor = {
  get(this: ServerRequest): string | undefined {
    const peer = this.runtime?.epollet?.peer ?? null;
    return peer === null || peer.family === 'unix' ? undefined : peer.address;
  },
  enumerable: true,
  configurable: true,
};

/** Gives a request the members that srvx's have: `ip`, `runtime`, `waitUntil`. */
export function asServerRequest(
  request: Request,
  context: Context,
  waitUntil: (promise: Promise<unknown>) => void,
): ServerRequest {
  const made = request as ServerRequest;
  made.runtime = new Runtime(context) as ServerRuntimeContext; // `node` is a getter
  made.waitUntil = waitUntil;
  return Object.defineProperty(made, 'ip', IP);
}

/** srvx's Response for Node, which makes Node's own only when it must. */
interface NodeResponse {
  _toNodeResponse(): { status: number; statusText: string; headers: string[]; body: unknown };
}

/** A response as the server takes it best: of one of srvx's class what it was made from, without making Node's own. */
export function asResponse(response: Response): Response {
  if (typeof (response as Partial<NodeResponse> | undefined)?._toNodeResponse !== 'function') return response;
  const { status, statusText, headers, body } = (response as unknown as NodeResponse)._toNodeResponse();
  const fields: [name: string, value: string][] = [];
  for (let i = 0; i < headers.length; i += 2) fields.push([headers[i]!, headers[i + 1]!]);
  return new Response(bodyOf(body), { status, statusText, headers: fields });
}

/** Streams of Node become those of the web. */
function bodyOf(body: unknown): ConstructorParameters<typeof Response>[0] {
  if (typeof (body as Partial<NodeJS.ReadableStream> | null | undefined)?.pipe !== 'function') return body as null;
  if (body instanceof Readable) return Readable.toWeb(body) as unknown as ReadableStream;
  const source = body as NodeJS.ReadableStream & { abort?(): void }; // such as React's, which can only be piped
  const through = source.pipe(new PassThrough());
  through.once('close', () => source.abort?.());
  return Readable.toWeb(through) as unknown as ReadableStream;
}
