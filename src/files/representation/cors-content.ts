import { FieldId } from '../../http/headers.js';
import type { RequestParser } from '../../http/request/parser.js';
import { type Field, HttpResponse } from '../../http/response/response.js';
import type { CacheContent } from '../cache/entry.js';
import type { OpenFile } from '../resolve/open-file.js';
import { mergeFields } from './representation.js';

export const ORIGIN_BIT = 1 << FieldId.origin;

/** The same response with fields more, for this one request. */
export function withCorsFields(response: HttpResponse, fields: readonly Field[]): HttpResponse {
  const all = mergeFields(response.fields, fields);
  const extended = new HttpResponse(response.status, all, response.body, response.contentLength);
  extended.transient = true;
  extended.ownedFile = response.ownedFile;
  return extended;
}

/** Content for a site that only some origins may read: who that is, is said to each. */
export class CorsContent implements CacheContent {
  constructor(
    private readonly content: CacheContent,
    private readonly fieldsFor: (origin: string) => Field[],
  ) {}

  get bytes(): number {
    return this.content.bytes;
  }

  get openFiles(): readonly OpenFile[] {
    return this.content.openFiles ?? [];
  }

  respond(request: RequestParser): HttpResponse {
    const response = this.content.respond(request);
    const origin = request.value(FieldId.origin);
    return origin === null ? response : withCorsFields(response, this.fieldsFor(origin));
  }

  close(): void {
    this.content.close();
  }
}
