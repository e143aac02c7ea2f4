import { FieldId } from '../../http/headers.js';
import type { RequestParser } from '../../http/request/parser.js';
import { type Field, type HttpResponse, textResponse } from '../../http/response/response.js';
import { acceptsHtmlExplicitly } from '../../http/semantics/accept.js';
import { latin1 } from '../../http/text.js';
import type { CacheContent } from '../cache/entry.js';
import type { Representations } from './representations.js';

/** A response that is kept elsewhere too, and counts there. */
export const sharedContent = (response: HttpResponse): CacheContent => ({
  respond: () => response,
  bytes: 0,
  close: () => {},
});

/**
 * @param location encoded, with its query
 * @param fields of a sentence
 */
export function redirectResponse(status: number, location: string, fields: readonly Field[]): HttpResponse {
  const response = textResponse(status, 'What was asked for is at another address.\n', [
    ['Location', location],
    ...fields,
  ]);
  response.transient = true;
  return response;
}

/** A path that has another spelling: a folder without its slash, a page with its extension. The query is kept. */
export class RedirectContent implements CacheContent {
  readonly bytes = 0;

  constructor(
    private readonly path: string,
    private readonly fields: readonly Field[],
  ) {}

  respond({ bytes, pathEnd, targetEnd }: RequestParser): HttpResponse {
    return redirectResponse(301, this.path + encodeQuery(latin1(bytes, pathEnd, targetEnd)), this.fields);
  }

  close(): void {}
}

const encodeQuery = (query: string): string =>
  query.replace(/[^\x21-\x7e]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);

/** Where there is nothing, a single-page app has its page: for who asks for a page, and not for a script or an image. */
export class FallbackContent implements CacheContent {
  readonly bytes = 0;

  constructor(
    private readonly missing: HttpResponse,
    private readonly page: () => Representations | null,
  ) {}

  respond(request: RequestParser): HttpResponse {
    if (!acceptsHtmlExplicitly(request.list(FieldId.accept))) return this.missing;
    return this.page()?.respond(request) ?? this.missing;
  }

  close(): void {}
}
