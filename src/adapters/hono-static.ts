import { join, posix, resolve } from 'node:path';
import type { Context, Env, MiddlewareHandler } from 'hono';
import { fileStream } from '../fetch/file-stream.js';
import type { SiteOptions } from '../files/rules/site-options.js';
import type { BytesBody, HttpResponse } from '../http/response/response.js';
import { kernel } from '../sys/binding.js';
import { HandedFiles } from './handed-files.js';

/** The options of a site that a path of Hono's can have. */
type FileOptions = Pick<
  SiteOptions,
  'etag' | 'symlinks' | 'encodedFiles' | 'compress' | 'cacheControl' | 'headers' | 'securityHeaders'
>;

/** The options of Hono's serveStatic, and those of a site of epollet. */
export interface ServeStaticOptions<E extends Env = Env> extends FileOptions {
  /** The directory, from the working directory. @default './' */
  root?: string;
  /** One file for every path, from the root. @default the path of the request */
  path?: string;
  /** Send app.js.br, app.js.zst or app.js.gz for app.js to clients that accept the content coding. @default false */
  precompressed?: boolean;
  /** Take `%25` in a path for a percent sign, in place of not finding it. @default false */
  allowPercentInPath?: boolean;
  /** Media types by extension, before the built-in ones. @default {} */
  mimes?: Record<string, string>;
  /** @param path of the request, decoded. Returns the path from the root. */
  rewriteRequestPath?(path: string): string;
  /** A file responds, with its path; also if the response is a 304. */
  onFound?(path: string, c: Context<E>): void | Promise<void>;
  /** None does: the next handler is called. */
  onNotFound?(path: string, c: Context<E>): void | Promise<void>;
}

/** Dot segments, which a client does not send, and what some system would take for a slash. */
const SUSPICIOUS = /(?:^|[/\\])\.{1,2}(?:$|[/\\])|[/\\]{2}|\\/;
const MOVED = 301;

/**
 * Hono's middleware for static files, with those of epollet: conditional requests, ranges, precompressed files, and a
 * file that is sent as one. Where no file is, and for methods other than GET and HEAD, the next handler is called.
 * @throws TypeError ERR_EPOLLET_OPTION, at the first request, for an invalid option of the site
 */
export function serveStatic<E extends Env = Env>(options: ServeStaticOptions<E> = {}): MiddlewareHandler<E> {
  const { root = './', path, rewriteRequestPath, allowPercentInPath = false, onFound, onNotFound } = options;
  const site = siteOptions(options);
  const directory = resolve(root);
  return async (c, next) => {
    const { method } = c.req;
    if (c.finalized || (method !== 'GET' && method !== 'HEAD')) return next();
    const requested = path ?? decoded(c.req.path, allowPercentInPath);
    if (requested !== null) {
      const name = posix.normalize(
        `/${path === undefined && rewriteRequestPath ? rewriteRequestPath(requested) : requested}`,
      );
      const found = await find(directory, site, c.req.raw, name);
      const filePath = join(root, found?.isIndex ? `${name}/index.html` : name);
      if (found !== null) {
        await onFound?.(filePath, c);
        return toResponse(c, found.response, method === 'HEAD');
      }
      await onNotFound?.(filePath, c);
    } else await onNotFound?.(c.req.path, c);
    return next();
  };
}

function siteOptions(options: FileOptions & { precompressed?: boolean; mimes?: Record<string, string> }): SiteOptions {
  const { precompressed = false, mimes = {}, ...given } = options;
  const { etag, symlinks, encodedFiles, compress, cacheControl, headers = [], securityHeaders } = given;
  const types = Object.entries(mimes).map(([extension, type]) => ({
    match: `*.${extension}`,
    set: { 'Content-Type': type },
  }));
  const site = { etag, symlinks, encodedFiles, compress, cacheControl, securityHeaders };
  return {
    ...(Object.fromEntries(Object.entries(site).filter(([, value]) => value !== undefined)) as SiteOptions),
    precompressed,
    headers: [...types, ...headers],
  };
}

/** The path of a request as a name; null for one that names no file. Hono has decoded all but percent signs. */
function decoded(path: string, allowsPercent: boolean): string | null {
  if (path.includes('%') && (!allowsPercent || /%(?!25)/.test(path))) return null;
  const name = path.replaceAll('%25', '%');
  return SUSPICIOUS.test(name) ? null : name;
}

interface Found {
  readonly response: HttpResponse;
  readonly isIndex: boolean;
}

async function find(directory: string, site: SiteOptions, request: Request, name: string): Promise<Found | null> {
  const files = open(directory, site);
  if (files === null) return null;
  const path = encodeURI(name).replace(/[?#]/g, encodeURIComponent);
  let response = await files.respond(request, path);
  let isIndex = name.endsWith('/');
  if (response?.status === MOVED) {
    // A directory: its index is sent, for the path that the browser has may be another one.
    response = await files.respond(request, `${path}/`);
    isIndex = true;
  }
  if (response === null || isOfFile(response.status)) return response && { response, isIndex };
  response.ownedFile?.release(kernel);
  return null;
}

/** Null while there is no such directory. */
function open(directory: string, site: SiteOptions): HandedFiles | null {
  try {
    return HandedFiles.of(directory, site);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw error;
  }
}

/** The file, a part of it, or what a condition or Accept-Encoding makes of it; 500 and 503 are failures, not absence. */
const isOfFile = (status: number): boolean =>
  status < 300 || status === 304 || status === 406 || status === 412 || status === 416 || status >= 500;

function toResponse(c: Context, response: HttpResponse, isHead: boolean): Response {
  const { status, contentLength } = response;
  const headers: Record<string, string | string[]> = {};
  for (const [name, value] of response.fields) headers[name] = [...(headers[name] ?? []), value];
  if (contentLength >= 0 && status !== 304) headers['Content-Length'] = String(contentLength);
  return c.body(bodyOf(response, isHead) as ReadableStream, status as 200, headers);
}

function bodyOf(response: HttpResponse, isHead: boolean): ReadableStream | Uint8Array<ArrayBuffer> | null {
  const { body, ownedFile } = response;
  if (!isHead && body.kind === 'bytes') return body.bytes as Uint8Array<ArrayBuffer>;
  if (!isHead && (body.kind === 'file' || body.kind === 'parts')) {
    const parts = body.kind === 'file' ? [body] : body.parts;
    const file = parts.find((part) => part.kind === 'file')?.file;
    if (file !== undefined) return fileStream(kernel, body, ownedFile ?? file.retain());
    return Buffer.concat(parts.map((part) => (part as BytesBody).bytes));
  }
  ownedFile?.release(kernel);
  return null;
}
