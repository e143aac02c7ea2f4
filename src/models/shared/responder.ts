import { STATUS_CODES } from 'node:http';
import { statusForErrno } from '../../files/resolve/error-status.js';
import { DIRECTORY, openFile } from '../../files/resolve/open-file.js';
import { Root } from '../../files/resolve/root.js';
import { directoryUrlPath, parseUrlPath } from '../../files/resolve/url-path.js';
import { mediaTypeOf } from '../../files/rules/media-type.js';
import { kernel } from '../../sys/index.js';
import type { ParseError, Request } from './request.js';

/** A cached response is sent without checking its file for this long, so its Date field is at most as old. */
const REVALIDATE_MS = 1000;
const MAX_CACHED_BYTES = 64 * 1024 * 1024;
const MAX_CACHED_RESPONSE_BYTES = 1024 * 1024;
/** A response is built in memory. `epollet serve` sends large files from the page cache instead, sendfile(2). */
const MAX_FILE_BYTES = 256 * 1024 * 1024;

const BODIES: Readonly<Record<number, string>> = {
  301: 'The URL of a directory ends with a slash. See Location.\n',
  400: 'The request is not valid HTTP/1.1.\n',
  403: 'The server is not permitted to read this file.\n',
  404: 'Not found.\n',
  405: 'Only GET and HEAD are supported.\n',
  431: 'The header section of the request is too large.\n',
  500: 'The file could not be read.\n',
  503: 'Too many open files. Try again in a second.\n',
};
const PLAIN = 'text/plain; charset=utf-8';

export type Persistence = 'keep-alive' | 'close';

/** A response ready for one send(2): head and body in one buffer. */
export interface BuiltResponse {
  readonly status: number;
  /** Without Date and Connection. */
  readonly fields: Readonly<Record<string, string>>;
  readonly bytes: Buffer;
  /** Length of the head; the body follows. */
  readonly headBytes: number;
}

/**
 * Serves a directory. All models share it, so two of them differ only in how they wait. Containment is left to Root,
 * which opens every name below the root directory.
 */
export class Responder {
  private readonly root: Root;
  private cached = new Map<string, { response: BuiltResponse; expiresAtMs: number }>();
  private cachedBytes = 0;

  /** @param persistence with `close`, every response has `Connection: close` */
  constructor(
    path: string,
    private readonly persistence: Persistence,
    private readonly maxCachedBytes = MAX_CACHED_BYTES,
  ) {
    this.root = Root.open(kernel, path);
  }

  keepsAlive(request: Request): boolean {
    return request.keepAlive && this.persistence === 'keep-alive';
  }

  bytesFor(request: Request): Buffer {
    let response = this.responseFor(request.method, request.path);
    if (!request.keepAlive && this.persistence === 'keep-alive') {
      const { status, fields, bytes, headBytes } = response;
      response = buildResponse(status, fields, bytes.subarray(headBytes), 'close');
    }
    const { bytes, headBytes } = response;
    return request.method === 'HEAD' ? bytes.subarray(0, headBytes) : bytes;
  }

  /** For bytes that are not a request; close the connection after it. */
  errorResponse(status: ParseError): BuiltResponse {
    return buildResponse(status, {}, Buffer.from(BODIES[status]!), 'close');
  }

  responseFor(method: Request['method'], path: string): BuiltResponse {
    if (method === 'other') return this.textResponse(405, { Allow: 'GET, HEAD' });
    const nowMs = Date.now();
    const cached = this.cached.get(path);
    if (cached !== undefined && nowMs < cached.expiresAtMs) return cached.response;
    const response = this.build(path, nowMs);
    if (response.status === 200) this.cache(path, response, nowMs);
    return response;
  }

  close(): void {
    this.cached.clear();
    this.root.close();
  }

  private build(path: string, nowMs: number): BuiltResponse {
    const target = parseUrlPath(Buffer.from(path, 'latin1'));
    if (typeof target === 'number') return this.textResponse(target);
    const { name, isDirectory } = target;
    const index = name.length === 0 ? 'index.html' : Buffer.concat([name, Buffer.from('/index.html')]);
    const fileName = isDirectory ? Buffer.from(index) : name;
    const file = openFile(kernel, (each, flags) => this.root.openBeneath(each, flags), fileName, nowMs);
    if (file === DIRECTORY)
      return isDirectory ? this.textResponse(404) : this.textResponse(301, { Location: directoryUrlPath(name) });
    if (typeof file === 'number') return this.textResponse(statusForErrno(file));
    try {
      const body = file.size > MAX_FILE_BYTES ? null : readWhole(file.fd, file.size);
      if (body === null) return this.textResponse(500);
      return buildResponse(200, { 'Content-Type': mediaTypeOf(fileName) }, body, this.persistence);
    } finally {
      kernel.close(file.fd);
    }
  }

  private cache(path: string, response: BuiltResponse, nowMs: number): void {
    // The path counts too: one file has many paths (`//a`, `///a`), which may be longer than the file.
    const length = response.bytes.length + path.length;
    if (length > MAX_CACHED_RESPONSE_BYTES) return;
    // Evicts everything at once: an LRU list would be longer than the models it serves.
    if (this.cachedBytes + length > this.maxCachedBytes) {
      this.cached.clear();
      this.cachedBytes = 0;
    }
    const replaced = this.cached.get(path);
    this.cachedBytes += length - (replaced === undefined ? 0 : replaced.response.bytes.length + path.length);
    this.cached.set(path, { response, expiresAtMs: nowMs + REVALIDATE_MS });
  }

  private textResponse(status: number, fields: Record<string, string> = {}): BuiltResponse {
    return buildResponse(status, fields, Buffer.from(BODIES[status]!), this.persistence);
  }
}

export function buildResponse(
  status: number,
  fields: Readonly<Record<string, string>>,
  body: Buffer,
  persistence: Persistence,
): BuiltResponse {
  const allFields = { 'Content-Type': PLAIN, ...fields, 'Content-Length': `${body.length}` };
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, `Date: ${new Date().toUTCString()}`];
  if (persistence === 'close') lines.push('Connection: close');
  for (const [name, value] of Object.entries(allFields)) lines.push(`${name}: ${value}`);
  const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  return { status, fields: allFields, bytes: Buffer.concat([head, body]), headBytes: head.length };
}

/** Less than `size` bytes if the file has shrunk; null on a read error. */
function readWhole(fd: number, size: number): Buffer | null {
  const bytes = Buffer.allocUnsafe(size);
  let length = 0;
  while (length < size) {
    const count = kernel.pread(fd, bytes, length, size - length, length);
    if (count < 0) return null;
    if (count === 0) break;
    length += count;
  }
  return bytes.subarray(0, length);
}
