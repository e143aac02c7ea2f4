import { EPOLLET, EPOLLIN, Epoll } from '../epoll/index.js';
import { FastRequest } from '../fetch/request.js';
import { Files } from '../files/files.js';
import { resolveSiteOptions, type SiteOptions } from '../files/rules/site-options.js';
import { resolveLimits } from '../http/limits.js';
import { COMPLETE, RequestParser } from '../http/request/parser.js';
import { type HttpResponse, LATER, type LaterResponse } from '../http/response/response.js';
import { latin1 } from '../http/text.js';
import { kernel } from '../sys/binding.js';

const CRLF = Buffer.from('\r\n');
const VERSION_BYTES = 8;

/** By root and options: an app that is loaded anew goes on with the cache that it has. */
const opened = new Map<string, HandedFiles>();

/**
 * The files below a root for a handler, which asks for one by its path: with the cache, the conditions, ranges and
 * encodings that the server's own files have. They stay open as long as the process lives.
 */
export class HandedFiles {
  private readonly files: Files;
  private readonly parser: RequestParser;
  /** What reports changes, which are read before a file is asked for. */
  private readonly changes = new Epoll();

  /** @throws a system error with `path` if the root is not a directory that can be opened */
  private constructor(root: string, options: SiteOptions) {
    const limits = resolveLimits({});
    this.parser = new RequestParser(limits);
    this.files = new Files(kernel, { root, options: resolveSiteOptions(options) }, new Map(), limits);
    const { inotify, mounts } = this.files;
    if (inotify.fd >= 0) this.changes.register(inotify.fd, EPOLLIN);
    try {
      if (mounts.fd >= 0) this.changes.register(mounts.fd, EPOLLIN | EPOLLET);
    } catch (error) {
      // An emulated /proc may not support epoll, EPERM, as with a server.
      if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
    }
  }

  /** @param root an absolute path @throws as the constructor does */
  static of(root: string, options: SiteOptions): HandedFiles {
    const key = JSON.stringify([root, options]);
    let files = opened.get(key);
    if (files === undefined) {
      files = new HandedFiles(root, options);
      opened.set(key, files);
    }
    return files;
  }

  /** For tests: closes all. */
  static closeAll(): void {
    for (const { files, changes } of opened.values()) {
      files.close();
      changes.close();
    }
    opened.clear();
  }

  /**
   * What the files respond to a GET or HEAD with another path.
   * @param path percent-encoded, from the root
   * @returns null for a path that is too long
   */
  respond(request: Request, path: string): HttpResponse | null | Promise<HttpResponse | null> {
    this.readChanges();
    const head = headWith(request, path);
    if (this.parser.parse(head, 0, head.length - 1) !== COMPLETE) return null;
    const response = this.files.serve(this.parser, kernel.monotonicMs());
    if (response.status !== LATER) return response;
    return (response as LaterResponse).ready.then(() => this.respond(request, path));
  }

  private readChanges(): void {
    for (const { fd } of this.changes.poll(0)) {
      const { inotify, mounts } = this.files;
      if (fd === inotify.fd) inotify.read();
      else mounts.onMountEvent();
    }
  }
}

/** The head of a request with another target, and the spare byte behind it that the parser needs. */
function headWith(request: Request, path: string): Buffer {
  if (FastRequest.is(request)) {
    const head = FastRequest.headOf(request) as Buffer;
    const lineEnd = head.indexOf(CRLF);
    const version = latin1(head, lineEnd - VERSION_BYTES, lineEnd);
    const line = Buffer.from(`${request.method} ${path} ${version}`, 'latin1');
    return Buffer.concat([line, head.subarray(lineEnd)]);
  }
  // Of a test, or of a program that made it.
  const fields = [...request.headers].map(([name, value]) => `${name}: ${value}\r\n`);
  const host = request.headers.has('host') ? '' : 'host: localhost\r\n';
  return Buffer.from(`${request.method} ${path} HTTP/1.1\r\n${host}${fields.join('')}\r\n\0`, 'latin1');
}
