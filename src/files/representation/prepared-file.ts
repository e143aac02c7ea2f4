import type { RequestParser } from '../../http/request/parser.js';
import type { HttpResponse } from '../../http/response/response.js';
import type { CacheContent } from '../cache/entry.js';
import type { BuilderContext } from './builder.js';
import type { FileResponse } from './file-response.js';
import { Representation } from './representation.js';
import { HEADS, PLAIN_FIELDS, Representations } from './representations.js';

/**
 * The content of a file in memory, of which only the whole was requested so far: a tenth of the objects of its representations,
 * which are made when something else is requested. Of many files nothing else ever is.
 */
export class PreparedFile implements CacheContent {
  readonly relevantFields: number = PLAIN_FIELDS;
  private made: Representations | null = null;

  /** @param fieldBytes of all fields of `ok`, about */
  constructor(
    private readonly context: Pick<BuilderContext, 'kernel' | 'acceptEncodings'>,
    readonly ok: FileResponse,
    private readonly fieldBytes: number,
  ) {}

  get representations(): Representations {
    this.made ??= this.make();
    return this.made;
  }

  get bytes(): number {
    return this.ok.contentLength + HEADS * this.fieldBytes;
  }

  respond(request: RequestParser): HttpResponse {
    return this.representations.respond(request);
  }

  /** It has no descriptors. */
  close(): void {}

  private make(): Representations {
    const { ok } = this;
    const { kernel, acceptEncodings } = this.context;
    const modifiedSeconds = ok.hasDate ? ok.modifiedSeconds : Number.NaN;
    const validators = { etag: ok.etag, modifiedSeconds, recent: false };
    const identity = new Representation('identity', validators, ok, ok.contentFields, true);
    return new Representations(kernel, acceptEncodings, identity, true);
  }
}
