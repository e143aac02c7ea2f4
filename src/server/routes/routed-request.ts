import type { BodyQueue } from '../../fetch/body-queue.js';
import { FastRequest, type FastRequestContext } from '../../fetch/request.js';
import type { RequestParser } from '../../http/request/parser.js';
import type { RouteMatch } from './route-table.js';

/** A request for a route: with the parameters of its path, decoded when they are first accessed. */
export class RoutedRequest extends FastRequest {
  readonly #match: RouteMatch;
  #params: Readonly<Record<string, string>> | null = null;

  constructor(parser: RequestParser, context: FastRequestContext, queue: BodyQueue | null, match: RouteMatch) {
    super(parser, context, queue);
    this.#match = match;
  }

  get params(): Readonly<Record<string, string>> {
    this.#params ??= this.#match.params();
    return this.#params;
  }
}

/** A request over what the parser holds. @param match of its route; null without one */
export function requestOf(
  parser: RequestParser,
  context: FastRequestContext & { readonly body: BodyQueue | null },
  match: RouteMatch | null,
): FastRequest {
  if (match === null) return new FastRequest(parser, context, context.body);
  return new RoutedRequest(parser, context, context.body, match);
}
