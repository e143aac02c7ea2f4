import { Known } from '../http/headers.js';
import type { RequestParser } from '../http/request-parser.js';
import { type Field, Response } from '../http/response.js';
import type { OpenFile } from './file.js';
import type { Content } from './resource.js';
import { combined } from './variant.js';

export const ORIGIN_BIT = 1 << Known.origin;

/** The same response with fields more, for this one request. */
export function withFields(response: Response, fields: readonly Field[]): Response {
  const all = combined(response.fields, fields);
  const extended = new Response(response.status, all, response.body, response.contentLength);
  extended.transient = true;
  extended.lastUse = response.lastUse;
  return extended;
}

/** Content for a site that only some origins may read: who that is, is said to each. */
export class CorsContent implements Content {
  constructor(
    private readonly content: Content,
    private readonly fieldsFor: (origin: string) => Field[],
  ) {}

  get bytes(): number {
    return this.content.bytes;
  }

  get opened(): readonly OpenFile[] {
    return this.content.opened ?? [];
  }

  answer(request: RequestParser): Response {
    const response = this.content.answer(request);
    const origin = request.value(Known.origin);
    return origin === null ? response : withFields(response, this.fieldsFor(origin));
  }

  close(): void {
    this.content.close();
  }
}
