import { createConnection, type Socket } from 'node:net';

/** Bounds every wait, so that a server that hangs fails one test and not all. */
const TIMEOUT_MS = 8000;

export interface RawResponse {
  readonly version: string;
  readonly status: number;
  readonly reason: string;
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** As received, including the empty line at its end. */
  readonly head: string;
  readonly body: Buffer;
  /** The values of a field by its case-insensitive name, joined by a comma; null if it was not sent. */
  field(name: string): string | null;
}

/** A TCP connection that sends exactly the given bytes, and reads framed responses or until the end of the stream. */
export class RawClient {
  /** The server has sent FIN. */
  ended = false;
  /** The error code that the socket closed with, such as ECONNRESET. */
  failure: string | null = null;
  closed = false;
  private received: Buffer = Buffer.alloc(0);
  private pieces: Buffer[] = [];
  private pieceBytes = 0;
  private waiting: (() => void)[] = [];

  private constructor(readonly socket: Socket) {
    socket.setNoDelay(true);
    socket.on('data', (piece) => {
      this.pieces.push(piece);
      this.pieceBytes += piece.length;
      this.wake();
    });
    socket.on('end', () => {
      this.ended = true;
      this.wake();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.failure = error.code ?? error.message;
      this.wake();
    });
    socket.on('close', () => {
      this.closed = true;
      this.wake();
    });
  }

  static connect(port: number, host = '127.0.0.1'): Promise<RawClient> {
    return new Promise((resolve, reject) => {
      const socket = createConnection({ port, host, allowHalfOpen: true });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new RawClient(socket));
      });
    });
  }

  send(bytes: string | Uint8Array): this {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
    return this;
  }

  /** Sends the pieces with a pause between them, so that the server receives each on its own. */
  async sendPieces(pieces: readonly (string | Uint8Array)[], pauseMs = 2): Promise<void> {
    for (const [index, piece] of pieces.entries()) {
      if (index > 0) await sleep(pauseMs);
      this.send(piece);
    }
  }

  /** Half-closes: no more is sent, responses are still received. */
  end(): this {
    this.socket.end();
    return this;
  }

  pause(): this {
    this.socket.pause();
    return this;
  }

  resume(): this {
    this.socket.resume();
    return this;
  }

  /**
   * Reads one response. An interim one (1xx) counts as one.
   * @param strict whether a response without a length, delimited by the end of the connection, is an error
   */
  async response(method = 'GET', timeoutMs = TIMEOUT_MS, strict = true): Promise<RawResponse> {
    const untilMs = performance.now() + timeoutMs;
    let headEnd = this.buffered.indexOf('\r\n\r\n');
    while (headEnd < 0) {
      await this.more('a head', untilMs);
      headEnd = this.buffered.indexOf('\r\n\r\n');
    }
    headEnd += 4;
    const head = parseHead(this.received.toString('latin1', 0, headEnd));
    if (head.field('Transfer-Encoding') === 'chunked') {
      this.received = this.received.subarray(headEnd);
      return { ...head, body: method === 'HEAD' ? Buffer.alloc(0) : await this.chunkedBody(untilMs) };
    }
    const isOpen = !strict && head.field('Content-Length') === null && head.status >= 200;
    if (isOpen && head.field('Connection') === 'close') {
      this.received = this.received.subarray(headEnd);
      return { ...head, body: await this.untilClose() };
    }
    const length = isOpen ? 0 : bodyLength(head, method);
    while (this.bufferedBytes < headEnd + length) await this.more(`a body of ${length} bytes`, untilMs);
    const body = this.buffered.subarray(headEnd, headEnd + length);
    this.received = this.received.subarray(headEnd + length);
    return { ...head, body };
  }

  /** The next bytes, so many. */
  async bytes(count: number, timeoutMs = TIMEOUT_MS): Promise<Buffer> {
    const untilMs = performance.now() + timeoutMs;
    while (this.buffered.length < count) await this.more(`${count} bytes`, untilMs);
    const bytes = this.received.subarray(0, count);
    this.received = this.received.subarray(count);
    return bytes;
  }

  /** RFC 9112 section 7.1, without extensions and trailers. */
  private async chunkedBody(untilMs: number): Promise<Buffer> {
    const pieces: Buffer[] = [];
    for (;;) {
      while (this.buffered.indexOf('\r\n') < 0) await this.more('the size of a chunk', untilMs);
      const lineEnd = this.received.indexOf('\r\n');
      const line = this.received.toString('latin1', 0, lineEnd);
      if (!/^[0-9a-f]+$/.test(line)) throw new Error(`not a chunk size: ${JSON.stringify(line)}`);
      const size = Number.parseInt(line, 16);
      const end = lineEnd + 2 + size;
      while (this.bufferedBytes < end + 2) await this.more(`a chunk of ${size} bytes`, untilMs);
      if (this.buffered.toString('latin1', end, end + 2) !== '\r\n') throw new Error('a chunk longer than its size');
      pieces.push(this.received.subarray(lineEnd + 2, end));
      this.received = this.received.subarray(end + 2);
      if (size === 0) return Buffer.concat(pieces);
    }
  }

  /** Reads until the end of the connection. */
  async untilClose(timeoutMs = TIMEOUT_MS): Promise<Buffer> {
    const untilMs = performance.now() + timeoutMs;
    while (!this.ended && !this.closed && this.failure === null) await this.more('the end', untilMs);
    const rest = this.buffered;
    this.received = Buffer.alloc(0);
    return rest;
  }

  /** The bytes received and not yet read. */
  get buffered(): Buffer {
    if (this.pieces.length > 0) this.received = Buffer.concat([this.received, ...this.pieces.splice(0)]);
    this.pieceBytes = 0;
    return this.received;
  }

  /** Their number: to wait for a large body by `buffered` would copy it for each piece. */
  private get bufferedBytes(): number {
    return this.received.length + this.pieceBytes;
  }

  close(): void {
    this.socket.destroy();
  }

  /** Closes with RST. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  private async more(what: string, untilMs: number): Promise<void> {
    const closedBy = this.failure ?? (this.ended || this.closed ? 'end of the connection' : null);
    if (closedBy !== null) throw new Error(`${closedBy} instead of ${what}, after ${JSON.stringify(this.excerpt())}`);
    const waitMs = untilMs - performance.now();
    if (waitMs <= 0) throw new Error(`no ${what} in time, only ${JSON.stringify(this.excerpt())}`);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, waitMs);
      this.waiting.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  private excerpt(): string {
    return this.buffered.toString('latin1', 0, 200);
  }

  private wake(): void {
    for (const resolve of this.waiting.splice(0)) resolve();
  }
}

/** Resets the connection once it has received this text. */
export function leaveAt(client: RawClient, text: string): Promise<void> {
  return new Promise((resolve) => {
    client.socket.on('data', () => {
      if (!client.buffered.includes(text)) return;
      client.reset();
      resolve();
    });
  });
}

/** One connection, one exchange: sends the bytes, reads a response, closes. */
export async function exchange(port: number, request: string | Uint8Array): Promise<RawResponse> {
  using client = await RawClient.connect(port);
  client.send(request);
  return await client.response(Buffer.from(request).toString('latin1', 0, 5) === 'HEAD ' ? 'HEAD' : 'GET');
}

/** A request; `fields` are whole lines without CRLF. */
export function request(target: string, fields: readonly string[] = [], method = 'GET'): string {
  return `${[`${method} ${target} HTTP/1.1`, 'Host: a', ...fields].join('\r\n')}\r\n\r\n`;
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Polls until the condition holds. */
export async function eventually(condition: () => boolean, what: string, timeoutMs = TIMEOUT_MS): Promise<void> {
  const untilMs = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > untilMs) throw new Error(`timed out waiting for: ${what}`);
    await sleep(5);
  }
}

/** Masks the Date field, for comparing two responses. */
export const withoutDate = (text: string | Buffer): string =>
  text.toString('latin1').replaceAll(/\r\nDate: [^\r]*\r\n/g, '\r\nDate: *\r\n');

function parseHead(head: string): Omit<RawResponse, 'body'> {
  const [first, ...lines] = head.slice(0, -4).split('\r\n');
  const start = /^(HTTP\/1\.[01]) (\d{3}) (.*)$/.exec(first!);
  if (start === null) throw new Error(`not a status line: ${JSON.stringify(first)}`);
  const fields = lines.map((line) => {
    const field = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+): ([\x20-\x7e\x80-\xff]*)$/.exec(line);
    if (field === null) throw new Error(`not a field line: ${JSON.stringify(line)}`);
    return [field[1]!, field[2]!] as const;
  });
  return {
    version: start[1]!,
    status: Number(start[2]),
    reason: start[3]!,
    fields,
    head,
    field(name) {
      const values = fields.filter(([each]) => each.toLowerCase() === name.toLowerCase()).map(([, value]) => value);
      return values.length === 0 ? null : values.join(', ');
    },
  };
}

/** RFC 9112 section 6.3, for responses without a transfer coding. */
function bodyLength(head: Omit<RawResponse, 'body'>, method: string): number {
  const { status } = head;
  const length = head.field('Content-Length');
  if (status < 200 || status === 204 || status === 304) {
    if (length !== null) throw new Error(`Content-Length with ${status}`);
    return 0;
  }
  if (length === null || !/^\d+$/.test(length)) throw new Error(`Content-Length: ${length}, in ${head.head}`);
  return method === 'HEAD' ? 0 : Number(length);
}
