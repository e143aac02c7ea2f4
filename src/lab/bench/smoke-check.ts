import { createConnection } from 'node:net';
import { Failure } from '../base/errors.js';

const PATIENCE_MS = 3000;

/** An answer as it came. */
export interface Answer {
  readonly status: number;
  readonly fields: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

/**
 * Asks by a connection of its own, with bytes of our own: a client that hides what a server gets wrong would hide it
 * from the check too.
 */
export function ask(url: URL, path: string, { close = false, patienceMs = PATIENCE_MS } = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host: url.hostname, port: Number(url.port) });
    let received = Buffer.alloc(0);
    const fail = (why: string): void => {
      socket.destroy();
      reject(new Failure(`GET ${path} ${why}.`));
    };
    socket.setTimeout(patienceMs, () => fail(`got no answer within ${patienceMs / 1000} s`));
    socket.on('connect', () => {
      socket.write(`GET ${path} HTTP/1.1\r\nHost: ${url.host}\r\n${close ? 'Connection: close\r\n' : ''}\r\n`);
    });
    socket.on('error', (error) => fail(`failed with ${(error as NodeJS.ErrnoException).code ?? error.message}`));
    socket.on('end', () => fail('was cut off before its answer was whole'));
    socket.on('data', (piece) => {
      received = Buffer.concat([received, piece as Buffer]);
      const answer = parseAnswer(received);
      if (answer === null) return;
      socket.destroy();
      resolve(answer);
    });
  });
}

/** Null as long as it is not whole. An answer without a Content-Length is taken for a fault. */
export function parseAnswer(bytes: Buffer): Answer | null {
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
export interface Check {
  /** A connection may have a further request. */
  readonly keeps: boolean;
  /** What two models must have in common to be compared one to one. */
  readonly same: string;
}

/** @throws Failure in a sentence that says what is wrong */
export async function checkAnswers(url: URL, page: Buffer, { fixedPage = false } = {}): Promise<Check> {
  const answer = await ask(url, '/');
  if (answer.status !== 200) throw new Failure(`GET / was answered ${answer.status}, not 200.`);
  if (answer.body.length !== Number(answer.fields.get('content-length'))) {
    throw new Failure('GET / was answered with a body that is not as long as its Content-Length says.');
  }
  if (!fixedPage) {
    if (!answer.body.equals(page)) throw new Failure('GET / was answered with other bytes than index.html has.');
    const missing = await ask(url, '/no-such-page');
    if (missing.status !== 404) throw new Failure(`GET /no-such-page was answered ${missing.status}, not 404.`);
  }
  const closed = await ask(url, '/', { close: true });
  if (closed.status !== 200) throw new Failure(`GET / with Connection: close was answered ${closed.status}, not 200.`);
  return {
    keeps: answer.fields.get('connection')?.toLowerCase() !== 'close',
    same: `${answer.status} ${answer.fields.get('content-type')} ${answer.body.length} bytes`,
  };
}
