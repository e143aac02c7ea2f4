import { ExplainedSite } from '../files/explained-site.js';
import { type Absent, FieldReasons } from '../files/field-reasons.js';
import { type Keeping, keepingOf, realRoot } from '../files/keeping.js';
import { Files } from '../files/serve.js';
import { type Step, Story } from '../files/story.js';
import { DateClock } from '../http/date.js';
import { Known } from '../http/headers.js';
import { latin1 } from '../http/latin1.js';
import { resolveLimits } from '../http/limits.js';
import { COMPLETE, NEED_MORE, RequestParser } from '../http/request-parser.js';
import type { Body, Response } from '../http/response.js';
import { headOf, Persistence } from '../http/response-head.js';
import { reasonOf } from '../http/status.js';
import { dispatch, fromFiles } from './dispatch.js';
import { checkedOptions, type ServeOptions } from './options.js';
import { REFUSALS } from './refusals.js';

/** A field of the answer, as it would be sent. */
export interface ExplainedField {
  readonly name: string;
  readonly value: string;
  readonly why: string;
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
  readonly outcome: Story['outcome'] | 'preflight' | 'options' | 'malformed' | 'handler';
  /** What was found out and decided, in this order. */
  readonly steps: readonly (Step | HandlerStep)[];
  /** The file whose bytes or fields are sent, from the root. */
  readonly file: string | null;
  /** Null where the handler answers: what, only it can tell. */
  readonly status: number | null;
  readonly reason: string;
  readonly fields: readonly ExplainedField[];
  readonly absent: readonly Absent[];
  readonly keeping: Keeping | null;
}

/** Whether and when the program's own handler is asked. */
export interface HandlerStep {
  readonly about: 'handler';
  readonly says: string;
}

/** What is told of one kind of answer. */
type Told = Pick<Explanation, 'outcome' | 'steps' | 'file' | 'absent' | 'keeping'> & {
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
  const files = site === null ? null : new Files(kernel, site, hosts, limits, ExplainedSite);
  try {
    const request = {
      method: parser.method,
      target: latin1(bytes, parser.targetStart, parser.targetEnd),
      host: parser.value(Known.host),
    };
    const says = (response: Response, isKept: boolean, why: Told['why']) => {
      const said = headOfAnswer(response, parser, isKept, why);
      response.lastUse?.release(kernel);
      return said;
    };
    if (answer !== COMPLETE) {
      const response = REFUSALS[answer];
      return { request, site: null, ...malformed(response), ...says(response, false, () => SENTENCE) };
    }
    const own = dispatch({ parser, files, handlers }, 0);
    if (files === null) {
      if (own === null) return { request, site: null, ...handled([], 'asked: there are no files') };
      return { request, site: null, ...ofTheServer(), ...says(own, parser.keepAlive, () => METHODS) };
    }
    const response = own ?? fromFiles(parser, files, 0);
    const its = files.siteOf(parser) as ExplainedSite;
    const where = { host: files.hostOf(its), root: its.deployment.current.root.path, folder: realRoot(its) };
    const { why, ...told } = toldOf(its, parser, response);
    const answered = says(response, parser.keepAlive, why);
    if (own !== null) return { request, site: where, ...told, ...answered };
    const when = handlers!.isFirst ? 'asked first, and alone' : 'asked';
    if (parser.method === 'OPTIONS')
      return { request, site: where, ...handled([], `${when}: the files have no answer to this`) };
    const isOfFiles = response.status !== 404 && (parser.method === 'GET' || parser.method === 'HEAD');
    if (!handlers!.isFirst || !isOfFiles) {
      return { request, site: where, ...handled(withoutPage(told.steps), `${when}: no file answers`) };
    }
    const asked = { about: 'handler', says: 'asked first; what it answers with 404 is answered thus:' } as const;
    return { request, site: where, ...told, ...answered, steps: [asked, ...told.steps] };
  } finally {
    files?.close();
  }
}

/** What is known beforehand of a handler's answer. */
function handled(steps: Explanation['steps'], says: string): Omit<Explanation, 'request' | 'site'> {
  return {
    outcome: 'handler',
    steps: [...steps, { about: 'handler', says }],
    file: null,
    status: null,
    reason: '',
    fields: [],
    absent: [],
    keeping: null,
  };
}

/** The page for errors, which is told last, and who may read it: neither is the handler's. */
function withoutPage(steps: Explanation['steps']): Explanation['steps'] {
  const page = steps.findLastIndex(({ about }) => about === 'page');
  return page < 0 ? steps : steps.slice(0, page);
}

/** `OPTIONS *` where there are no files. */
const ofTheServer = (): Omit<Told, 'why'> => ({
  outcome: 'options',
  steps: [{ about: 'handler', says: 'not asked: * is the server itself' }],
  file: null,
  absent: [],
  keeping: null,
});

const METHODS = 'the methods that are answered here';
const SENTENCE = "a sentence of the server's own";

function headOfAnswer(response: Response, request: RequestParser, isKept: boolean, why: Told['why']) {
  const clock = new DateClock();
  clock.tick(Date.now());
  const persistence = !isKept ? Persistence.close : request.minorVersion === 1 ? Persistence.kept : Persistence.keptOld;
  const { bytes, headBytes } = headOf(response, persistence, clock);
  const fields = bytes
    .toString('latin1', 0, headBytes)
    .split('\r\n')
    .slice(1, -2)
    .map((line): ExplainedField => {
      const colon = line.indexOf(':');
      const [name, value] = [line.slice(0, colon), line.slice(colon + 2)];
      return { name, value, why: whyFramed(name, response, request) ?? why(name, value) };
    });
  return { status: response.status, reason: reasonOf(response.status), fields };
}

const SOURCES: Readonly<Record<Body['kind'], string>> = {
  none: 'nothing follows',
  bytes: 'sent from memory',
  file: 'sent from the file, by sendfile',
  parts: 'all parts, each with a head of its own',
};

/** The fields that are about the message, and not about what is in it. */
function whyFramed(name: string, response: Response, request: RequestParser): string | null {
  if (name === 'Date') return 'the time of the answer';
  if (name === 'Connection') return 'whether a further request may follow';
  if (name !== 'Content-Length') return null;
  if (request.method === 'HEAD') return 'what GET would send; for HEAD nothing is';
  return SOURCES[response.body.kind];
}

function malformed(response: Response): Omit<Told, 'why'> {
  const says = response.body.kind === 'bytes' ? Buffer.from(response.body.bytes).toString().trim() : '';
  return {
    outcome: 'malformed',
    steps: [{ about: 'nothing', says: `${says} The connection is closed.` }],
    file: null,
    absent: [],
    keeping: null,
  };
}

function toldOf(site: ExplainedSite, request: RequestParser, response: Response): Told {
  if (request.method === 'OPTIONS') return toldOfOptions(site, request, response);
  const story = new Story(site, request, response);
  const reasons = new FieldReasons(story);
  return {
    outcome: story.outcome,
    steps: story.steps,
    file: story.composition?.survey.name.toString() ?? null,
    absent: reasons.absent,
    keeping: keepingOf(story),
    why: (name, value) => reasons.of(name, value),
  };
}

function toldOfOptions({ options }: ExplainedSite, request: RequestParser, response: Response): Told {
  const isPreflight = response.fields.some(([name]) => name.startsWith('Access-Control-'));
  const origin = request.value(Known.origin);
  const asked = request.value(Known.accessControlRequestMethod);
  const says = isPreflight
    ? `${origin} may ask with the methods and fields below, by cors`
    : origin === null || asked === null
      ? 'no preflight: that has Origin and Access-Control-Request-Method'
      : options.cors === null
        ? `${origin} may not: cors is not set`
        : `${origin} may not: it is none of cors`;
  return {
    outcome: isPreflight ? 'preflight' : 'options',
    steps: [{ about: 'origin', says }],
    file: null,
    absent: [],
    keeping: null,
    why: (name) => (name === 'Allow' ? METHODS : name === 'Vary' ? 'other origins may be answered otherwise' : 'cors'),
  };
}
