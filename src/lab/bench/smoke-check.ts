import { createConnection } from 'node:net';
import { ExperimentError } from '../base/errors.js';

const TIMEOUT_MS = 3000;

/** An answer as it came. */
export interface HttpResponse {
  readonly status: number;
  readonly fields: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

/**
 * Asks by a connection of its own, with bytes of our own: a client that hides what a server gets wrong would hide it
 * from the check too.
 */
export function get(url: URL, path: string, { close = false, patienceMs = TIMEOUT_MS } = {}): Promise<HttpResponse> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host: url.hostname, port: Number(url.port) });
    let received = Buffer.alloc(0);
    const fail = (why: string): void => {
      socket.destroy();
      reject(new ExperimentError(`GET ${path} ${why}.`));
    };
    socket.setTimeout(patienceMs, () => fail(`got no answer within ${patienceMs / 1000} s`));
    socket.on('connect', () => {
      socket.write(`GET ${path} HTTP/1.1\r\nHost: ${url.host}\r\n${close ? 'Connection: close\r\n' : ''}\r\n`);
    });
    socket.on('error', (error) => fail(`failed with ${(error as NodeJS.ErrnoException).code ?? error.message}`));
    socket.on('end', () => fail('was cut off before its answer was whole'));
    socket.on('data', (piece) => {
      received = Buffer.concat([received, piece as Buffer]);
      const answer = parseResponse(received);
      if (answer === null) return;
      socket.destroy();
      resolve(answer);
    });
  });
}

/** Null as long as it is not whole. An answer without a Content-Length is taken for a fault. */
export function parseResponse(bytes: Buffer): HttpResponse | null {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return null;
  const [first = '', ...lines] = bytes.toString('latin1', 0, end).split('\r\n');
  const fields = new Map(
    lines.map((line): [string, string] => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  const body = bytes.subarray(end + 4);
  const length = Number(fields.get('content-length') ?? 0);
  return body.length < length ? null : { status: Number(first.split(' ')[1]), fields, body };
}

/** Whether the model answers as it should. */
export interface SmokeCheck {
  /** A connection may have a further request. */
  readonly keepAlive: boolean;
  /** What two models must have in common to be compared one to one. */
  readonly responseShape: string;
}

/** @throws Failure in a sentence that says what is wrong */
export async function smokeCheck(url: URL, page: Buffer, { fixedPage = false } = {}): Promise<SmokeCheck> {
  const answer = await get(url, '/');
  if (answer.status !== 200) throw new ExperimentError(`GET / was answered ${answer.status}, not 200.`);
  if (answer.body.length !== Number(answer.fields.get('content-length'))) {
    throw new ExperimentError('GET / was answered with a body that is not as long as its Content-Length says.');
  }
  if (!fixedPage) {
    if (!answer.body.equals(page))
      throw new ExperimentError('GET / was answered with other bytes than index.html has.');
    const missing = await get(url, '/no-such-page');
    if (missing.status !== 404) throw new ExperimentError(`GET /no-such-page was answered ${missing.status}, not 404.`);
  }
  const closed = await get(url, '/', { close: true });
  if (closed.status !== 200)
    throw new ExperimentError(`GET / with Connection: close was answered ${closed.status}, not 200.`);
  return {
    keepAlive: answer.fields.get('connection')?.toLowerCase() !== 'close',
    responseShape: `${answer.status} ${answer.fields.get('content-type')} ${answer.body.length} bytes`,
  };
}
