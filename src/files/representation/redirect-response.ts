import type { RequestParser } from '../../http/request/parser.js';
import { type Field, type HttpResponse, textResponse } from '../../http/response/response.js';
import { latin1 } from '../../http/text.js';
import type { CacheContent } from '../cache/entry.js';

/**
 * @param location percent-encoded, with its query
 * @param fields of a plain-text response
 */
export function redirectResponse(status: number, location: string, fields: readonly Field[]): HttpResponse {
  const response = textResponse(status, 'Moved. See Location.\n', [['Location', location], ...fields]);
  response.transient = true;
  return response;
}

/** Redirects to the canonical spelling of a path, with the request's query: a directory with its slash, a page without `.html`. */
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
