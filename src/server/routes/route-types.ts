import type { HandlerContext } from '../handlers/handler-context.js';
import type { FetchHandler } from '../handlers/handler-runner.js';

/** The names of the parameters in a path: `'id' | 'post'` of `/users/:id/posts/:post`. */
type ParamNames<Path extends string> = Path extends `${infer Segment}/${infer Rest}`
  ? ParamName<Segment> | ParamNames<Rest>
  : ParamName<Path>;
type ParamName<Segment extends string> = Segment extends `:${infer Name}` ? Name : never;

/** The values of the parameters in a route's path, percent-decoded: `{ id: string }` for `/users/:id`. */
export type RouteParams<Path extends string = string> = string extends Path
  ? Readonly<Record<string, string>>
  : { readonly [Name in ParamNames<Path>]: string };

/** The request that the handler of a route is called with. */
export interface RouteRequest<Path extends string = string> extends Request {
  readonly params: RouteParams<Path>;
}

/** Responds to the requests for a route, as a FetchHandler does. */
export type RouteHandler<Path extends string = string> = (
  request: RouteRequest<Path>,
  context: HandlerContext,
) => ReturnType<FetchHandler>;

/** A Response is sent from its bytes, without a call. */
type Target<Path extends string> = Response | RouteHandler<Path>;

/**
 * What a path responds with: to all methods, or to each by its name, HEAD as GET without one of its own. False leaves it to
 * files and `fetch`, where a wildcard would have it.
 */
export type Route<Path extends string = string> =
  | Target<Path>
  | { readonly [method: Uppercase<string>]: Target<Path> }
  | false;

/** By path: `/about`, `/users/:id`, `/files/*`. */
export type Routes<Paths extends string = string> = { readonly [Path in Paths]: Route<Path> };
