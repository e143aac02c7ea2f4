import { STATUS_CODES } from 'node:http';
import { DIRECTORY, openFile, statusForErrno } from '../../files/resolve/open-file.js';
import { Root } from '../../files/resolve/root.js';
import { directoryUrlPath, parseUrlPath } from '../../files/resolve/url-path.js';
import { mediaTypeOf } from '../../files/rules/media-type.js';
import { kernel } from '../../sys/index.js';
import type { Refusal, Request } from './request.js';

/** How long a file that was read is sent without looking again; its Date field is no older than that either. */
const FRESH_MS = 1000;
/** What is kept of files meanwhile, and the longest answer that is kept. */
const KEPT_BYTES_MAX = 64 * 1024 * 1024;
const KEPT_ANSWER_BYTES_MAX = 1024 * 1024;
/** An answer is held in memory whole. `epollet serve` sends large files from the page cache instead, sendfile(2). */
const FILE_BYTES_MAX = 256 * 1024 * 1024;

const TEXTS: Readonly<Record<number, string>> = {
  301: 'The folder is at this address with a slash.\n',
  400: 'The request is not valid HTTP/1.1.\n',
  403: 'The server may not read this file.\n',
  404: 'There is nothing at this address.\n',
  405: 'Only GET and HEAD are answered here.\n',
  431: 'The request has more or longer fields than this server accepts.\n',
  500: 'The file could not be read.\n',
  503: 'The server has too many files open. Try again in a second.\n',
};
const PLAIN = 'text/plain; charset=utf-8';

/** An answer as bytes, head and body in one piece: one send. */
export interface Answer {
  readonly status: number;
  /** All but Date and Connection. */
  readonly fields: Readonly<Record<string, string>>;
  readonly bytes: Buffer;
  /** Where the body begins. */
  readonly headBytes: number;
}

/**
 * What the folder holds, as answers: the same for every model, so that what differs between two of them is how they
 * wait. Every name is opened beneath the root, see Root; nothing else in here knows of containment.
 */
export class Answers {
  private readonly root: Root;
  private kept = new Map<string, { answer: Answer; untilMs: number }>();
  private keptBytes = 0;

  /**
   * @param path the folder
   * @param connections whether a connection may have a further request; of those that may not, every answer says so
   */
  constructor(
    path: string,
    private readonly connections: 'kept' | 'closed',
    private readonly keptBytesMax = KEPT_BYTES_MAX,
  ) {
    this.root = Root.open(kernel, path);
  }

  /** Whether the connection goes on after this request. */
  keeps(request: Request): boolean {
    return request.keeps && this.connections === 'kept';
  }

  /** The bytes to send. */
  bytesTo(request: Request): Buffer {
    let answer = this.to(request.method, request.path);
    if (!request.keeps && this.connections === 'kept') {
      const { status, fields, bytes, headBytes } = answer;
      answer = composed(status, fields, bytes.subarray(headBytes), 'closed');
    }
    const { bytes, headBytes } = answer;
    return request.method === 'HEAD' ? bytes.subarray(0, headBytes) : bytes;
  }

  /** What is no request is told so; the connection is over then. */
  refusal(status: Refusal): Answer {
    return composed(status, {}, Buffer.from(TEXTS[status]!), 'closed');
  }

  to(method: Request['method'], path: string): Answer {
    if (method === 'other') return this.text(405, { Allow: 'GET, HEAD' });
    const nowMs = Date.now();
    const known = this.kept.get(path);
    if (known !== undefined && nowMs < known.untilMs) return known.answer;
    const answer = this.look(path, nowMs);
    if (answer.status === 200) this.keep(path, answer, nowMs);
    return answer;
  }

  close(): void {
    this.kept.clear();
    this.root.close();
  }

  private look(path: string, nowMs: number): Answer {
    const target = parseUrlPath(Buffer.from(path, 'latin1'));
    if (typeof target === 'number') return this.text(target);
    const { name, isDirectory } = target;
    const inFolder = name.length === 0 ? 'index.html' : Buffer.concat([name, Buffer.from('/index.html')]);
    const fileName = isDirectory ? Buffer.from(inFolder) : name;
    const file = openFile(kernel, (each, flags) => this.root.openBeneath(each, flags), fileName, nowMs);
    if (file === DIRECTORY) return isDirectory ? this.text(404) : this.text(301, { Location: directoryUrlPath(name) });
    if (typeof file === 'number') return this.text(statusForErrno(file));
    try {
      const body = file.size > FILE_BYTES_MAX ? null : readWhole(file.fd, file.size);
      if (body === null) return this.text(500);
      return composed(200, { 'Content-Type': mediaTypeOf(fileName) }, body, this.connections);
    } finally {
      kernel.close(file.fd);
    }
  }

  private keep(path: string, answer: Answer, nowMs: number): void {
    // A file has many addresses, `//a` and `///a`, and they may be longer than it is.
    const length = answer.bytes.length + path.length;
    if (length > KEPT_ANSWER_BYTES_MAX) return;
    // All at once: a cache that knew which to drop would be longer than the model that it serves.
    if (this.keptBytes + length > this.keptBytesMax) {
      this.kept.clear();
      this.keptBytes = 0;
    }
    const before = this.kept.get(path);
    this.keptBytes += length - (before === undefined ? 0 : before.answer.bytes.length + path.length);
    this.kept.set(path, { answer, untilMs: nowMs + FRESH_MS });
  }

  private text(status: number, fields: Record<string, string> = {}): Answer {
    return composed(status, fields, Buffer.from(TEXTS[status]!), this.connections);
  }
}

/** Puts head and body together. */
export function composed(
  status: number,
  fields: Readonly<Record<string, string>>,
  body: Buffer,
  connections: 'kept' | 'closed',
): Answer {
  const all = { 'Content-Type': PLAIN, ...fields, 'Content-Length': `${body.length}` };
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, `Date: ${new Date().toUTCString()}`];
  if (connections === 'closed') lines.push('Connection: close');
  for (const [name, value] of Object.entries(all)) lines.push(`${name}: ${value}`);
  const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  return { status, fields: all, bytes: Buffer.concat([head, body]), headBytes: head.length };
}

/** As much as there is, should the file have become shorter; null when the kernel refuses. */
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
