import { Files } from '../files/files.js';
import { DateClock } from '../http/date.js';
import { FieldId } from '../http/headers.js';
import { resolveLimits } from '../http/limits.js';
import { COMPLETE, NEED_MORE, RequestParser } from '../http/request/parser.js';
import { ConnectionAction } from '../http/response/connection-action.js';
import { headOf } from '../http/response/head.js';
import type { Body, HttpResponse } from '../http/response/response.js';
import { reasonOf } from '../http/status.js';
import { latin1 } from '../http/text.js';
import { dispatch, serveFiles } from '../server/connection/dispatch.js';
import { ERROR_RESPONSES } from '../server/connection/error-responses.js';
import { checkedOptions, type ServeOptions } from '../server/options.js';
import { type CacheReason, cacheReason, realRoot } from './cache-reasons.js';
import { type Absent, HeaderReasons } from './header-reasons.js';
import { RecordingSite } from './recording-site.js';
import { type Step, Trace } from './trace.js';

/** A field of the answer, as it would be sent. */
export interface ExplainedField {
  readonly name: string;
  readonly value: string;
  readonly reason: string;
}

/** How a request would be answered, and why. */
export interface Explanation {
  readonly request: { readonly method: string; readonly target: string; readonly host: string | null };
  /** Null for bytes that are no request, and where there are no files. */
  readonly site: {
    /** Null for the site of all other hosts. */
    readonly host: string | null;
    readonly root: string;
    /** Where the root's path leads. */
    readonly folder: string;
  } | null;
  readonly outcome: Trace['outcome'] | 'preflight' | 'options' | 'malformed' | 'handler';
  /** What was found out and decided, in this order. */
  readonly steps: readonly (Step | HandlerStep)[];
  /** The file whose bytes or fields are sent, from the root. */
  readonly file: string | null;
  /** Null where the handler answers: what, only it can tell. */
  readonly status: number | null;
  readonly reason: string;
  readonly fields: readonly ExplainedField[];
  readonly absent: readonly Absent[];
  readonly cache: CacheReason | null;
}

/** Whether and when the program's own handler is asked. */
export interface HandlerStep {
  readonly topic: 'handler';
  readonly text: string;
}

/** What is told of one kind of answer. */
type Told = Pick<Explanation, 'outcome' | 'steps' | 'file' | 'absent' | 'cache'> & {
  why(name: string, value: string): string;
};

/**
 * Answers a request as a server with these options would do at its first sight of it, and tells why. Nothing
 * listens, and no handler is asked.
 * @param head of a request, with the empty line behind it
 * @throws as serve() does
 */
export function explain(options: ServeOptions, head: Uint8Array): Explanation {
  const { site, hosts, kernel, handlers } = checkedOptions(options);
  const limits = resolveLimits(options.limits);
  const parser = new RequestParser(limits);
  const bytes = Buffer.concat([head, Buffer.alloc(1)]); // the parser's stop
  const answer = parser.parse(bytes, 0, head.length);
  if (answer === NEED_MORE) throw new RangeError('the head of a request must end with an empty line');
  const files = site === null ? null : new Files(kernel, site, hosts, limits, RecordingSite);
  try {
    const request = {
      method: parser.method,
      target: latin1(bytes, parser.targetStart, parser.targetEnd),
      host: parser.value(FieldId.host),
    };
    const says = (response: HttpResponse, isKept: boolean, why: Told['why']) => {
      const said = headOfAnswer(response, parser, isKept, why);
      response.ownedFile?.release(kernel);
      return said;
    };
    if (answer !== COMPLETE) {
      const response = ERROR_RESPONSES[answer];
      return { request, site: null, ...malformed(response), ...says(response, false, () => SENTENCE) };
    }
    const own = dispatch({ parser, files, handlers }, 0);
    if (files === null) {
      if (own === null) return { request, site: null, ...handled([], 'asked: there are no files') };
      return { request, site: null, ...ofTheServer(), ...says(own, parser.keepAlive, () => METHODS) };
    }
    const response = own ?? serveFiles(parser, files, 0);
    const its = files.siteFor(parser) as RecordingSite;
    const where = { host: files.hostOf(its), root: its.releaseRoot.current.root.path, folder: realRoot(its) };
    const { why, ...told } = toldOf(its, parser, response);
    const answered = says(response, parser.keepAlive, why);
    if (own !== null) return { request, site: where, ...told, ...answered };
    const when = handlers!.fetchFirst ? 'asked first, and alone' : 'asked';
    if (parser.method === 'OPTIONS')
      return { request, site: where, ...handled([], `${when}: the files have no answer to this`) };
    const isOfFiles = response.status !== 404 && (parser.method === 'GET' || parser.method === 'HEAD');
    if (!handlers!.fetchFirst || !isOfFiles) {
      return { request, site: where, ...handled(withoutPage(told.steps), `${when}: no file answers`) };
    }
    const asked = { topic: 'handler', text: 'asked first; what it answers with 404 is answered thus:' } as const;
    return { request, site: where, ...told, ...answered, steps: [asked, ...told.steps] };
  } finally {
    files?.close();
  }
}

/** What is known beforehand of a handler's answer. */
function handled(steps: Explanation['steps'], says: string): Omit<Explanation, 'request' | 'site'> {
  return {
    outcome: 'handler',
    steps: [...steps, { topic: 'handler', text: says }],
    file: null,
    status: null,
    reason: '',
    fields: [],
    absent: [],
    cache: null,
  };
}

/** The page for errors, which is told last, and who may read it: neither is the handler's. */
function withoutPage(steps: Explanation['steps']): Explanation['steps'] {
  const page = steps.findLastIndex(({ topic }) => topic === 'page');
  return page < 0 ? steps : steps.slice(0, page);
}

/** `OPTIONS *` where there are no files. */
const ofTheServer = (): Omit<Told, 'why'> => ({
  outcome: 'options',
  steps: [{ topic: 'handler', text: 'not asked: * is the server itself' }],
  file: null,
  absent: [],
  cache: null,
});

const METHODS = 'the methods that are answered here';
const SENTENCE = "a sentence of the server's own";

function headOfAnswer(response: HttpResponse, request: RequestParser, isKept: boolean, why: Told['why']) {
  const clock = new DateClock();
  clock.tick(Date.now());
  const action = isKept ? ConnectionAction.keepAlive : ConnectionAction.close;
  const { bytes, headBytes } = headOf(response, clock, action, request.minorVersion === 0, request.method === 'HEAD');
  const fields = bytes
    .toString('latin1', 0, headBytes)
    .split('\r\n')
    .slice(1, -2)
    .map((line): ExplainedField => {
      const colon = line.indexOf(':');
      const [name, value] = [line.slice(0, colon), line.slice(colon + 2)];
      return { name, value, reason: whyFramed(name, response, request) ?? why(name, value) };
    });
  return { status: response.status, reason: reasonOf(response.status), fields };
}

const SOURCES: Readonly<Record<Body['kind'], string>> = {
  none: 'nothing follows',
  bytes: 'sent from memory',
  text: 'sent from memory',
  stream: 'sent as it is read',
  file: 'sent from the file, by sendfile',
  parts: 'all parts, each with a head of its own',
};

/** The fields that are about the message, and not about what is in it. */
function whyFramed(name: string, response: HttpResponse, request: RequestParser): string | null {
  if (name === 'Date') return 'the time of the answer';
  if (name === 'Connection') return 'whether a further request may follow';
  if (name !== 'Content-Length') return null;
  if (request.method === 'HEAD') return 'what GET would send; for HEAD nothing is';
  return SOURCES[response.body.kind];
}

function malformed(response: HttpResponse): Omit<Told, 'why'> {
  const says = response.body.kind === 'bytes' ? Buffer.from(response.body.bytes).toString().trim() : '';
  return {
    outcome: 'malformed',
    steps: [{ topic: 'nothing', text: `${says} The connection is closed.` }],
    file: null,
    absent: [],
    cache: null,
  };
}

function toldOf(site: RecordingSite, request: RequestParser, response: HttpResponse): Told {
  if (request.method === 'OPTIONS') return toldOfOptions(site, request, response);
  const story = new Trace(site, request, response);
  const reasons = new HeaderReasons(story);
  return {
    outcome: story.outcome,
    steps: story.steps,
    file: story.composition?.survey.name.toString() ?? null,
    absent: reasons.absent,
    cache: cacheReason(story),
    why: (name, value) => reasons.of(name, value),
  };
}

function toldOfOptions({ options }: RecordingSite, request: RequestParser, response: HttpResponse): Told {
  const isPreflight = response.fields.some(([name]) => name.startsWith('Access-Control-'));
  const origin = request.value(FieldId.origin);
  const asked = request.value(FieldId.accessControlRequestMethod);
  const says = isPreflight
    ? `${origin} may ask with the methods and fields below, by cors`
    : origin === null || asked === null
      ? 'no preflight: that has Origin and Access-Control-Request-Method'
      : options.cors === null
        ? `${origin} may not: cors is not set`
        : `${origin} may not: it is none of cors`;
  return {
    outcome: isPreflight ? 'preflight' : 'options',
    steps: [{ topic: 'origin', text: says }],
    file: null,
    absent: [],
    cache: null,
    why: (name) => (name === 'Allow' ? METHODS : name === 'Vary' ? 'other origins may be answered otherwise' : 'cors'),
  };
}
