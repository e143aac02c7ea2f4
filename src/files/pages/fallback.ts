import { FieldId } from '../../http/headers.js';
import type { RequestParser } from '../../http/request/parser.js';
import type { HttpResponse } from '../../http/response/response.js';
import { acceptsHtmlExplicitly } from '../../http/semantics/accept.js';
import type { Kernel } from '../../sys/kernel.js';
import type { CacheContent } from '../cache/entry.js';
import type { Representations } from '../representation/representations.js';
import type { NotAFile } from '../resolve/open-file.js';
import type { Release } from '../resolve/release-root.js';
import { Dependencies } from '../watch/dependencies.js';

export interface MissingFallback {
  readonly root: string;
  /** Below the root. */
  readonly name: string;
  readonly errno: NotAFile;
}

/** Null if the fallback exists, or none is configured. */
export function missingFallback(kernel: Kernel, release: Release, name: string | null): MissingFallback | null {
  if (name === null) return null;
  const file = release.lookup.file(Buffer.from(name), kernel.wallMs(), new Dependencies());
  if (typeof file === 'number') return { root: release.root.path, name, errno: file };
  kernel.close(file.fd);
  return null;
}

/** A single-page app's page for a path without a file, if the request is for a page and not for a script or an image. */
export class FallbackContent implements CacheContent {
  readonly bytes = 0;

  constructor(
    private readonly notFound: HttpResponse,
    private readonly page: () => Representations | null,
  ) {}

  respond(request: RequestParser): HttpResponse {
    if (!acceptsHtmlExplicitly(request.list(FieldId.accept))) return this.notFound;
    return this.page()?.respond(request) ?? this.notFound;
  }

  close(): void {}
}
