import { createConnection } from 'node:net';
import { ExperimentError } from '../base/errors.js';

const TIMEOUT_MS = 3000;

export interface HttpResponse {
  readonly status: number;
  readonly fields: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

/** A GET on a raw socket: an HTTP client library might hide a server's mistakes. */
export function get(url: URL, path: string, { close = false, timeoutMs = TIMEOUT_MS } = {}): Promise<HttpResponse> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host: url.hostname, port: Number(url.port) });
    let received = Buffer.alloc(0);
    const fail = (reason: string): void => {
      socket.destroy();
      reject(new ExperimentError(`GET ${path} ${reason}.`));
    };
    socket.setTimeout(timeoutMs, () => fail(`got no response within ${timeoutMs / 1000} s`));
    socket.on('connect', () => {
      socket.write(`GET ${path} HTTP/1.1\r\nHost: ${url.host}\r\n${close ? 'Connection: close\r\n' : ''}\r\n`);
    });
    socket.on('error', (error) => fail(`failed with ${(error as NodeJS.ErrnoException).code ?? error.message}`));
    socket.on('end', () => fail('was cut off before the end of the response'));
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk as Buffer]);
      const response = parseResponse(received);
      if (response === null) return;
      socket.destroy();
      resolve(response);
    });
  });
}

/** Null while the response is incomplete. A missing Content-Length means an empty body. */
export function parseResponse(bytes: Buffer): HttpResponse | null {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return null;
  const [first = '', ...lines] = bytes.toString('latin1', 0, end).split('\r\n');
  const fields = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    fields.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  const body = bytes.subarray(end + 4);
  const length = Number(fields.get('content-length') ?? 0);
  return body.length < length ? null : { status: Number(first.split(' ')[1]), fields, body };
}

export interface SmokeCheck {
  readonly keepAlive: boolean;
  /** Status, type and length of the response: must be equal for a one-to-one comparison. */
  readonly responseShape: string;
}

/** @throws ExperimentError with a sentence that names the mistake */
export async function smokeCheck(url: URL, page: Buffer, { fixedPage = false } = {}): Promise<SmokeCheck> {
  const response = await get(url, '/');
  if (response.status !== 200) throw new ExperimentError(`GET / returned ${response.status}, not 200.`);
  if (response.body.length !== Number(response.fields.get('content-length')))
    throw new ExperimentError('GET / returned a body whose length differs from its Content-Length.');
  if (!fixedPage) {
    if (!response.body.equals(page)) throw new ExperimentError('GET / returned a body that differs from index.html.');
    const missing = await get(url, '/no-such-page');
    if (missing.status !== 404) throw new ExperimentError(`GET /no-such-page returned ${missing.status}, not 404.`);
  }
  const closed = await get(url, '/', { close: true });
  if (closed.status !== 200)
    throw new ExperimentError(`GET / with Connection: close returned ${closed.status}, not 200.`);
  return {
    keepAlive: response.fields.get('connection')?.toLowerCase() !== 'close',
    responseShape: `${response.status} ${response.fields.get('content-type')} ${response.body.length} bytes`,
  };
}
