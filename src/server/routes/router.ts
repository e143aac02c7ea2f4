import { memberOf, optionError, quoted } from '../../files/rules/option-type.js';
import { METHODS } from '../../http/request/line.js';
import type { RequestParser } from '../../http/request/parser.js';
import { HttpResponse, NO_BODY, textResponse } from '../../http/response/response.js';
import type { FetchHandler } from '../handlers/handler-runner.js';
import { type RouteMatch, RouteTable } from './route-table.js';
import type { Routes } from './route-types.js';
import { StaticResponse } from './static-response.js';

type Target = StaticResponse | FetchHandler;

/** RFC 9110 section 5.6.2, in upper case as methods are. */
const METHOD = /^[A-Z0-9!#$%&'*+\-.^_`|~]+$/;
/** No handler gets them, RFC 9110 sections 9.3.6 and 9.3.8. */
const UNROUTED = ['CONNECT', 'TRACE', 'TRACK'];

/** What one path responds with. */
class Route {
  readonly notAllowed: HttpResponse;
  readonly options: HttpResponse;

  /** @param any for all methods; null if each has its own */
  constructor(
    private readonly any: Target | null,
    private readonly methods: ReadonlyMap<string, Target>,
  ) {
    const allowed = new Set(methods.keys());
    if (allowed.has('GET')) allowed.add('HEAD');
    allowed.add('OPTIONS');
    const listed = METHODS.filter((method) => allowed.has(method));
    const allow = ['Allow', [...new Set([...listed, ...allowed])].join(', ')] as const;
    this.options = new HttpResponse(204, [allow], NO_BODY);
    this.notAllowed = textResponse(405, 'The method is not allowed here.\n', [allow]);
  }

  /** HEAD is GET without its body, RFC 9110 section 9.3.2; null for a method that the route has not. */
  targetOf(method: string): Target | null {
    if (this.any !== null) return this.any;
    const target = this.methods.get(method);
    if (target !== undefined) return target;
    return method === 'HEAD' ? (this.methods.get('GET') ?? null) : null;
  }
}

/** Responds to requests by the routes of a program. */
export class Router {
  /** Of the last request for which `respond` had no response: what is to be called with it; null if that is not a route's. */
  handler: FetchHandler | null = null;
  match: RouteMatch | null = null;
  private readonly table = new RouteTable<Route | null>();

  /**
   * @param hasFetch another handler responds to OPTIONS, which may be a preflight, where a route does not
   * @throws TypeError ERR_EPOLLET_OPTION, ERR_EPOLLET_RESPONSE
   */
  constructor(
    routes: Routes,
    private readonly hasFetch: boolean,
  ) {
    for (const [path, value] of Object.entries(routes)) this.table.add(path, routeOf(path, value));
  }

  /** The response to the request that the parser holds; null if a handler makes it, by `handler`, or if no route has its path. */
  respond(request: RequestParser): HttpResponse | null {
    this.handler = null;
    const match = this.table.find(request);
    const route = match === null ? null : match.value;
    if (route === null) return null;
    const { method } = request;
    const target = route.targetOf(method);
    if (target instanceof StaticResponse) return target.respond(request);
    if (target === null) {
      if (method !== 'OPTIONS') return route.notAllowed;
      return this.hasFetch ? null : route.options;
    }
    this.handler = target;
    this.match = match;
    return null;
  }
}

function routeOf(path: string, value: unknown): Route | null {
  if (value === false) return null;
  const name = memberOf('routes', path);
  const any = targetOf(name, value, false);
  if (any !== null) return new Route(any, new Map());
  if (Object.prototype.toString.call(value) !== '[object Object]') throw notARoute(name, value);
  const methods = new Map<string, Target>();
  for (const [method, each] of Object.entries(value as object)) {
    const place = memberOf(name, method);
    if (!METHOD.test(method)) throw optionError(`${place} must be a method in upper case, such as GET`);
    if (UNROUTED.includes(method)) throw optionError(`${place} has no effect: no handler gets ${method}`);
    const target = targetOf(place, each, method === 'HEAD');
    if (target === null) throw notARoute(place, each);
    methods.set(method, target);
  }
  if (methods.size === 0) throw optionError(`${name} has no method: give one such as GET, or leave it out`);
  return new Route(null, methods);
}

/** Null for what is neither a function nor a Response. */
function targetOf(name: string, value: unknown, isForHead: boolean): Target | null {
  if (typeof value === 'function') return value as FetchHandler;
  if (typeof value !== 'object' || value === null || !('status' in value && 'headers' in value)) return null;
  try {
    return new StaticResponse(name, value as Response, isForHead);
  } catch (error) {
    throw optionError(`${name} cannot be sent: ${(error as Error).message}`);
  }
}

const notARoute = (name: string, value: unknown): TypeError =>
  optionError(`${name} must be a Response, a function, or an object of these by method, not ${quoted(value)}`);
