import { formatDate } from '../http/date.js';
import type { Limits } from '../http/limits.js';
import type { RequestParser } from '../http/request-parser.js';
import { type Field, NO_BODY, Response, textResponse } from '../http/response.js';
import { ENOTDIR } from '../sys/errno.js';
import type { Kernel } from '../sys/kernel.js';
import { type CachedFile, ENTRY_OVERHEAD_BYTES, FileCache } from './cache.js';
import { isNotModified } from './conditional.js';
import { FOLDER, type OpenFile, openFile, readFile, statusOf } from './file.js';
import { mediaTypeOf } from './media-type.js';
import { type Containment, Root } from './root.js';
import { folderPath, targetOf } from './target.js';

const INDEX = Buffer.from('index.html');
const SLASH = Buffer.from('/');

const NOT_FOUND = textResponse(404, 'There is nothing at this address.\n');
const BAD_PATH = textResponse(400, 'The path has a broken escape.\n');
const FORBIDDEN = textResponse(403, 'The server may not read this file.\n');
const BUSY = textResponse(503, 'The server has too many files open. Try again in a second.\n', [['Retry-After', '1']]);
const UNREADABLE = textResponse(500, 'The file could not be read.\n');

export interface FilesStats {
  containment: Containment;
  cachedFiles: number;
  cachedBytes: number;
  /** Answers for which the file system was not asked. */
  hits: number;
}

/** Answers GET and HEAD from the files beneath a root. Owns the root and the cache. */
export class Files {
  private readonly cache: FileCache;
  private readonly root: Root;
  private hits = 0;

  /** @throws a system error when the root is no folder that can be opened */
  constructor(
    private readonly kernel: Kernel,
    path: string,
    private readonly limits: Limits,
  ) {
    this.cache = new FileCache(limits.cacheBytes);
    this.root = Root.open(kernel, path);
  }

  get stats(): FilesStats {
    return {
      containment: this.root.containment,
      cachedFiles: this.cache.size,
      cachedBytes: this.cache.bytes,
      hits: this.hits,
    };
  }

  close(): void {
    this.cache.clear();
    this.root.close();
  }

  /**
   * @param request a GET or HEAD with a path
   * @param nowMs on the reactor's clock
   */
  serve(request: RequestParser, nowMs: number): Response {
    const cached = this.cache.find(request.bytes, request.pathStart, request.pathEnd, request.pathHash);
    if (cached !== null && nowMs - cached.checkedMs < this.limits.freshnessMs) {
      this.hits++;
      return this.answer(request, cached);
    }
    return this.look(request, cached, nowMs);
  }

  private answer(request: RequestParser, file: CachedFile): Response {
    return isNotModified(request, file.validators, this.kernel.wallMs) ? file.notModified : file.ok;
  }

  /** Asks the file system. */
  private look(request: RequestParser, cached: CachedFile | null, nowMs: number): Response {
    const target = targetOf(request.bytes.subarray(request.pathStart, request.pathEnd));
    if (target === 400) return BAD_PATH;
    if (target === 404) return NOT_FOUND;
    const name = !target.folder
      ? target.name
      : target.name.length === 0
        ? INDEX
        : Buffer.concat([target.name, SLASH, INDEX]);
    const file = openFile(this.kernel, this.root, name, this.kernel.wallMs());
    if (typeof file === 'number') {
      if (cached !== null) this.cache.remove(cached.hash);
      if (file === FOLDER && !target.folder) return redirect(request, target.name);
      return refusal(file === FOLDER ? ENOTDIR : file);
    }
    if (cached !== null && cached.identity === file.identity && !file.young) {
      this.kernel.close(file.fd);
      cached.checkedMs = nowMs;
      return this.answer(request, cached);
    }
    return this.open(request, name, file, nowMs);
  }

  private open(request: RequestParser, name: Uint8Array, file: OpenFile, nowMs: number): Response {
    const fields = fieldsOf(name, file);
    if (file.size <= this.limits.cachedFileBytes) {
      const body = readFile(this.kernel, file);
      if (body !== null) {
        this.kernel.close(file.fd);
        const { path, hash } = keyOf(request);
        const cached: CachedFile = {
          path,
          hash,
          identity: file.identity,
          validators: file.validators,
          ok: new Response(200, fields, { kind: 'bytes', bytes: body }),
          notModified: new Response(304, withoutType(fields), NO_BODY),
          bytes: body.length + path.length + ENTRY_OVERHEAD_BYTES,
          checkedMs: nowMs,
          used: true,
        };
        if (!file.young) this.cache.set(cached);
        else this.cache.remove(hash);
        return this.answer(request, cached);
      }
      // It changes while it is read: what the descriptor holds now is sent as a large file is.
    }
    this.cache.remove(request.pathHash);
    if (isNotModified(request, file.validators, this.kernel.wallMs)) {
      this.kernel.close(file.fd);
      return new Response(304, withoutType(fields), NO_BODY);
    }
    if (request.method === 'HEAD') {
      this.kernel.close(file.fd);
      return new Response(200, fields, NO_BODY, file.size);
    }
    return new Response(200, fields, { kind: 'file', fd: file.fd, offset: 0, length: file.size });
  }
}

function fieldsOf(name: Uint8Array, file: OpenFile): Field[] {
  const fields: Field[] = [
    ['Content-Type', mediaTypeOf(name)],
    ['ETag', file.validators.etag.toString('latin1')],
    ['Cache-Control', 'no-cache'],
  ];
  const { modifiedSeconds } = file.validators;
  if (!Number.isNaN(modifiedSeconds)) fields.push(['Last-Modified', formatDate(modifiedSeconds * 1000)]);
  return fields;
}

/** What a 304 carries of the 200's fields, RFC 9110 section 15.4.5. */
const withoutType = (fields: Field[]): Field[] => fields.filter(([name]) => name !== 'Content-Type');

function keyOf(request: RequestParser): { path: Buffer; hash: number } {
  const path = Buffer.allocUnsafeSlow(request.pathEnd - request.pathStart);
  path.set(request.bytes.subarray(request.pathStart, request.pathEnd));
  return { path, hash: request.pathHash };
}

/** A folder without its slash: relative links on its page would miss. The query is kept, and no host is named. */
function redirect(request: RequestParser, name: Uint8Array): Response {
  const query = Buffer.from(request.bytes.subarray(request.pathEnd, request.targetEnd)).toString('latin1');
  return textResponse(301, 'The folder is here with a slash behind it.\n', [
    ['Location', folderPath(name) + encodeQuery(query)],
    ['Cache-Control', 'no-cache'],
  ]);
}

const encodeQuery = (query: string): string =>
  query.replace(/[^\x21-\x7e]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);

function refusal(errno: number): Response {
  const status = statusOf(errno);
  return status === 404 ? NOT_FOUND : status === 403 ? FORBIDDEN : status === 503 ? BUSY : UNREADABLE;
}
