import { Files } from '../files/files.js';
import type { Site } from '../files/site.js';
import { DateClock } from '../http/date.js';
import { FieldId } from '../http/headers.js';
import { resolveLimits } from '../http/limits.js';
import { COMPLETE, NEED_MORE, RequestParser } from '../http/request/parser.js';
import { ConnectionAction } from '../http/response/connection-action.js';
import { headOf } from '../http/response/head.js';
import type { Body, HttpResponse } from '../http/response/response.js';
import { reasonOf } from '../http/status.js';
import { latin1 } from '../http/text.js';
import { checkedOptions } from '../server/checked-options.js';
import { dispatch, serveFiles } from '../server/connection/dispatch.js';
import { ERROR_RESPONSES } from '../server/connection/error-responses.js';
import type { ServeOptions } from '../server/options.js';
import { constants } from '../sys/binding.js';
import { type CacheReason, cacheReason } from './cache-reasons.js';
import { type AbsentField, HeaderReasons } from './header-reasons.js';
import { Recorder } from './recorder.js';
import { type Outcome, type Step, Trace } from './trace.js';

export interface ExplainedField {
  readonly name: string;
  readonly value: string;
  readonly reason: string;
}

export interface Explanation {
  readonly request: { readonly method: string; readonly target: string; readonly host: string | null };
  /** Null for a malformed request, and for a server without files. */
  readonly site: {
    /** Null for the site of all other hosts. */
    readonly host: string | null;
    readonly root: string;
    /** What the root's path resolves to. */
    readonly directory: string;
  } | null;
  readonly outcome: Outcome | 'preflight' | 'options' | 'malformed' | 'handler';
  readonly steps: readonly Step[];
  /** The file of the response, below the root. */
  readonly file: string | null;
  /** Null for the response of a handler, which is not called. */
  readonly status: number | null;
  readonly reason: string;
  readonly fields: readonly ExplainedField[];
  readonly absent: readonly AbsentField[];
  readonly cache: CacheReason | null;
}

type FieldReason = (name: string, value: string) => string;
type Sent = Pick<Explanation, 'status' | 'reason' | 'fields'>;
/** All of an explanation that is not about the head of the response. */
type Decided = Pick<Explanation, 'outcome' | 'steps' | 'file' | 'absent' | 'cache'>;

const ALLOWED_METHODS = 'the methods that are supported';

/**
 * Responds to a request as a server with these options would for its first request, and explains the response: the decisions
 * are those of the server's own code, which reports each of them with its reason. Does not listen, and calls no handler.
 * @param head of a request, with the empty line at its end
 * @throws as serve() does
 */
export function explain(options: ServeOptions, head: Uint8Array): Explanation {
  const { site: plan, hosts, kernel, handlers } = checkedOptions(options);
  const limits = resolveLimits(options.limits);
  const parser = new RequestParser(limits, handlers !== null);
  const bytes = Buffer.concat([head, Buffer.alloc(1)]); // the parser's sentinel
  const parsed = parser.parse(bytes, 0, head.length);
  if (parsed === NEED_MORE) throw new RangeError('the head of a request must end with an empty line');
  const recorder = new Recorder(kernel);
  const files = plan === null ? null : new Files(recorder.kernel, plan, hosts, limits, recorder.observe);
  try {
    const request = {
      method: parser.method,
      target: latin1(bytes, parser.targetStart, parser.targetEnd),
      host: parser.host,
    };
    const sent = (response: HttpResponse, keepAlive: boolean, reason: FieldReason): Sent => {
      response.ownedFile?.release(kernel);
      if (response.body.kind === 'stream') void response.body.stream.cancel();
      return sentHead(response, parser, keepAlive, reason);
    };
    if (parsed !== COMPLETE) {
      const response = ERROR_RESPONSES[parsed];
      const reason = response.body.kind === 'bytes' ? Buffer.from(response.body.bytes).toString().trim() : '';
      const decided = withoutFile('malformed', { topic: 'malformed', text: `${reason} The connection is closed.` });
      return { request, site: null, ...decided, ...sent(response, false, () => "the server's plain text") };
    }
    const dispatched = dispatch({ parser, files, handlers, routes: null, webSockets: null }, 0);
    if (files === null) {
      if (dispatched === null) return { request, site: null, ...handled([], 'called: there are no files') };
      const decided = withoutFile('options', { topic: 'handler', text: 'not called: * is the server itself' });
      return { request, site: null, ...decided, ...sent(dispatched, parser.keepAlive, () => ALLOWED_METHODS) };
    }
    const response = dispatched ?? serveFiles(parser, files, 0);
    const its = files.siteFor(parser);
    const site = { host: files.hostOf(its), root: its.releaseRoot.current.root.path, directory: rootDirectory(its) };
    const { decided, reason } = decisionsOf(its, recorder, parser, response);
    const head = sent(response, parser.keepAlive, reason);
    if (dispatched !== null) return { request, site, ...decided, ...head };
    const when = handlers!.fetchFirst ? 'called first, and alone' : 'called';
    if (parser.method === 'OPTIONS')
      return { request, site, ...handled([], `${when}: the files have no response to this`) };
    const isFile = response.status !== 404 && (parser.method === 'GET' || parser.method === 'HEAD');
    if (!handlers!.fetchFirst || !isFile) {
      // Neither the error page nor CORS applies to the handler's response.
      const steps = decided.steps.filter(({ topic }) => topic !== 'error-page' && topic !== 'origin');
      return { request, site, ...handled(steps, `${when}: there is no file`) };
    }
    const first: Step = { topic: 'handler', text: 'called first; instead of its 404 the response is:' };
    return { request, site, ...decided, ...head, steps: [first, ...decided.steps] };
  } finally {
    files?.close();
  }
}

/** The response of a handler is known only by calling it. */
function handled(steps: Explanation['steps'], text: string): Omit<Explanation, 'request' | 'site'> {
  const handler: Step = { topic: 'handler', text };
  return { ...withoutFile('handler', ...steps, handler), status: null, reason: '', fields: [] };
}

const withoutFile = (outcome: Explanation['outcome'], ...steps: Step[]): Decided => ({
  outcome,
  steps,
  file: null,
  absent: [],
  cache: null,
});

function decisionsOf(
  site: Site,
  recorder: Recorder,
  request: RequestParser,
  response: HttpResponse,
): { decided: Decided; reason: FieldReason } {
  if (request.method === 'OPTIONS') return optionsDecisions(site, request, response);
  const trace = new Trace(site, recorder, request, response);
  const reasons = new HeaderReasons(trace);
  const { outcome, steps, file } = trace;
  const name = file?.resolved.name.toString() ?? null;
  const decided = { outcome, steps, file: name, absent: reasons.absent, cache: cacheReason(trace) };
  return { decided, reason: (field, value) => reasons.of(field, value) };
}

function optionsDecisions({ options, rules }: Site, request: RequestParser, response: HttpResponse) {
  const isPreflight = response.fields.some(([name]) => name.startsWith('Access-Control-'));
  const origin = request.value(FieldId.origin);
  const method = request.value(FieldId.accessControlRequestMethod);
  const text = isPreflight
    ? `${origin} may send requests with the methods and fields below, by cors`
    : origin === null || method === null
      ? 'not a preflight: that has Origin and Access-Control-Request-Method'
      : `${origin} is not allowed: ${options.cors === null ? 'cors is not set' : 'it is not in cors'}`;
  return {
    decided: withoutFile(isPreflight ? 'preflight' : 'options', { topic: 'origin', text }),
    reason: (name: string) =>
      name === 'Allow'
        ? ALLOWED_METHODS
        : name === 'Vary'
          ? 'CORS depends on the origin'
          : (rules.errorHeaders.reasons.find((each) => each.name === name)?.reason ?? 'cors'),
  };
}

/** The directory that a root's path resolves to, with all symlinks followed. */
function rootDirectory({ context: { kernel }, releaseRoot: { current } }: Site): string {
  const path = kernel.readlinkat(constants.AT_FDCWD, `/proc/self/fd/${current.root.descriptor}`);
  return typeof path === 'number' ? current.root.path : Buffer.from(path).toString();
}

function sentHead(response: HttpResponse, request: RequestParser, keepAlive: boolean, reason: FieldReason): Sent {
  const clock = new DateClock();
  clock.tick(Date.now());
  const action = keepAlive ? ConnectionAction.keepAlive : ConnectionAction.close;
  const { bytes, headBytes } = headOf(response, clock, action, request.minorVersion === 0, request.method === 'HEAD');
  const fields = bytes
    .toString('latin1', 0, headBytes)
    .split('\r\n')
    .slice(1, -2)
    .map((line): ExplainedField => {
      const colon = line.indexOf(':');
      const [name, value] = [line.slice(0, colon), line.slice(colon + 2)];
      return { name, value, reason: framingReason(name, response, request) ?? reason(name, value) };
    });
  return { status: response.status, reason: reasonOf(response.status), fields };
}

const BODIES: Readonly<Record<Body['kind'], string>> = {
  none: 'no body',
  bytes: 'sent from memory',
  text: 'sent from memory',
  stream: 'sent as it is read',
  file: 'sent from the file, by sendfile',
  parts: 'all parts, each with its own head',
};

/** Of the fields about the message rather than its content. */
function framingReason(name: string, response: HttpResponse, request: RequestParser): string | null {
  if (name === 'Date') return 'the time of the response';
  if (name === 'Connection') return 'whether another request may follow';
  if (name !== 'Content-Length') return null;
  return request.method === 'HEAD' ? 'what GET would send; HEAD has no body' : BODIES[response.body.kind];
}
