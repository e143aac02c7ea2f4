import { Known } from '../http/headers.js';
import { latin1 } from '../http/latin1.js';
import type { RequestParser } from '../http/request-parser.js';
import { type Field, type Response, textResponse } from '../http/response.js';
import { mentionsHtml } from './accept.js';
import type { FileContent } from './file-content.js';
import type { Content } from './resource.js';

/** A response that is kept elsewhere too, and counts there. */
export const sharedContent = (response: Response): Content => ({ answer: () => response, bytes: 0, close: () => {} });

/**
 * @param location encoded, with its query
 * @param fields of a sentence
 */
export function movedResponse(status: number, location: string, fields: readonly Field[]): Response {
  const response = textResponse(status, 'What was asked for is at another address.\n', [
    ['Location', location],
    ...fields,
  ]);
  response.transient = true;
  return response;
}

/** A path that has another spelling: a folder without its slash, a page with its extension. The query is kept. */
export class MovedContent implements Content {
  readonly bytes = 0;

  constructor(
    private readonly path: string,
    private readonly fields: readonly Field[],
  ) {}

  answer({ bytes, pathEnd, targetEnd }: RequestParser): Response {
    return movedResponse(301, this.path + encodeQuery(latin1(bytes, pathEnd, targetEnd)), this.fields);
  }

  close(): void {}
}

const encodeQuery = (query: string): string =>
  query.replace(/[^\x21-\x7e]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);

/** Where there is nothing, a single-page app has its page: for who asks for a page, and not for a script or an image. */
export class FallbackContent implements Content {
  readonly bytes = 0;

  constructor(
    private readonly missing: Response,
    private readonly page: () => FileContent | null,
  ) {}

  answer(request: RequestParser): Response {
    if (!mentionsHtml(request.list(Known.accept))) return this.missing;
    return this.page()?.answer(request) ?? this.missing;
  }

  close(): void {}
}
