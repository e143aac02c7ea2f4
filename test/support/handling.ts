import { afterEach } from 'vitest';
import { type FetchHandler, type ServeOptions, type Server, serve } from '../../src/index.js';

/** Servers with a handler, stopped after each test, and captured standard error. */
export function handling() {
  const servers: Server[] = [];
  let restore: (() => void) | null = null;

  afterEach(async () => {
    restore?.();
    restore = null;
    await Promise.all(servers.splice(0).map((server) => server.stop({ force: true })));
  });

  return {
    /** Listens on a free port. */
    start(fetch: FetchHandler, options: Omit<ServeOptions, 'fetch' | 'port'> = {}): Server {
      const server = serve({ port: 0, fetch, ...options });
      servers.push(server);
      return server;
    },
    /** Captures standard error from here to the end of the test. */
    errors(): { text: string } {
      const captured = { text: '' };
      const { write } = process.stderr;
      process.stderr.write = ((text: string | Uint8Array) => {
        captured.text += text.toString();
        return true;
      }) as typeof write;
      restore = () => {
        process.stderr.write = write;
      };
      return captured;
    },
  };
}

/** A promise with its resolvers. */
export interface Deferred<Value> {
  promise: Promise<Value>;
  resolve(value: Value): void;
  reject(error: unknown): void;
}

export function deferred<Value = void>(): Deferred<Value> {
  let resolve!: (value: Value) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<Value>((...both) => {
    [resolve, reject] = both;
  });
  return { promise, resolve, reject };
}

/** A stream that a test writes to by hand, recording pulls and cancellation. */
export class Source {
  cancelled: { reason: unknown } | null = null;
  pulls = 0;
  private controller!: ReadableStreamDefaultController<Uint8Array>;
  readonly stream: ReadableStream<Uint8Array>;

  constructor() {
    this.stream = new ReadableStream({
      start: (controller) => {
        this.controller = controller;
      },
      pull: () => {
        this.pulls++;
      },
      cancel: (reason) => {
        this.cancelled = { reason };
      },
    });
  }

  write(data: string | Uint8Array): this {
    this.controller.enqueue(typeof data === 'string' ? Buffer.from(data) : data);
    return this;
  }

  end(): void {
    this.controller.close();
  }

  fail(error: unknown): void {
    this.controller.error(error);
  }
}
