import { FieldId } from '../../http/headers.js';
import type { RequestParser } from '../../http/request/parser.js';
import type { HttpResponse } from '../../http/response/response.js';
import { acceptsHtmlExplicitly, mayRequestPage } from '../../http/semantics/accept.js';
import type { Kernel } from '../../sys/kernel.js';
import type { CacheContent } from '../cache/entry.js';
import type { Representations } from '../representation/representations.js';
import type { NotAFile } from '../resolve/open-file.js';
import type { Release } from '../resolve/release-root.js';
import { Dependencies } from '../watch/dependencies.js';

export interface FallbackPlan {
  /** Below the root. */
  readonly name: string;
  /** The page is only for requests that list text/html: those for the handler may accept anything. */
  readonly handlerFollows: boolean;
}

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

/** A single-page app's page for a path without a file, unless the request is for data, an image or a style sheet. */
export class FallbackContent implements CacheContent {
  readonly bytes = 0;

  constructor(
    private readonly notFound: (request: RequestParser) => HttpResponse,
    private readonly plan: FallbackPlan,
    private readonly page: () => Representations | null,
  ) {}

  respond(request: RequestParser): HttpResponse {
    const accept = request.list(FieldId.accept);
    const isForPage = this.plan.handlerFollows ? acceptsHtmlExplicitly(accept) : mayRequestPage(accept);
    return (isForPage ? this.page()?.respond(request) : null) ?? this.notFound(request);
  }

  close(): void {}
}
