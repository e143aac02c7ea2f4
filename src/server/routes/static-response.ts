import { createHash } from 'node:crypto';
import { toHttpResponse } from '../../fetch/handler-response.js';
import { FastResponse } from '../../fetch/response.js';
import { parseDate } from '../../http/date.js';
import { FieldId } from '../../http/headers.js';
import type { FieldSection } from '../../http/request/field-section.js';
import type { RequestParser } from '../../http/request/parser.js';
import {
  type Field,
  HttpResponse,
  LaterResponse,
  NO_BODY,
  type StreamBody,
  textResponse,
} from '../../http/response/response.js';
import { CONDITIONAL_FIELDS, evaluate, NO_ETAG, type Validators } from '../../http/semantics/preconditions.js';
import { report, SERVER_ERROR } from '../handlers/handler-runner.js';

/** Far more than what should be in memory for good; a stream without an end would fill it. */
const MOST_BYTES = 67_108_864;
/** Fields that describe the content, which a 304 does not have, RFC 9110 section 15.4.5. */
const CONTENT_FIELDS = /^content-(?:disposition|encoding|language|range|type)$/i;
const NONE_MATCH_BIT = 1 << FieldId.ifNoneMatch;
const PRECONDITION_FAILED = textResponse(412, 'Precondition failed.\n');

/** A response with a reason of its own. */
class ReasonedResponse extends HttpResponse {
  constructor(
    status: number,
    private readonly statusText: string,
    fields: readonly Field[],
    body: HttpResponse['body'],
    contentLength: number,
  ) {
    super(status, fields, body, contentLength);
  }

  override get reason(): string {
    return this.statusText;
  }
}

/** A Response that responds to every request for its route: its fields and its body are read once. */
export class StaticResponse {
  private ok: HttpResponse | null = null;
  private readonly later: LaterResponse<RequestParser> | null = null;
  private validators: Validators = { etag: NO_ETAG, modifiedSeconds: Number.NaN, recent: false };
  private notModified: HttpResponse | null = null;
  /** A field section known to have the entity tag in If-None-Match, and no other precondition. */
  private matchingFields: FieldSection | null = null;

  /**
   * @param name of the route, for errors
   * @param isForHead it responds to HEAD alone: its Content-Length is that of a GET
   * @throws TypeError ERR_EPOLLET_RESPONSE for a Response that cannot be sent, or whose body is used
   */
  constructor(
    private readonly name: string,
    source: Response,
    private readonly isForHead: boolean,
  ) {
    // Of text and bytes there is no stream; others are read from a copy, since the Response may be that of several routes.
    const isPlain = FastResponse.is(source) && FastResponse.plainBody(source) !== undefined;
    const response = toHttpResponse(isPlain || typeof source.clone !== 'function' ? source : source.clone());
    const { body } = response;
    if (body.kind === 'stream')
      this.later = new LaterResponse(this.read(response, body), (request) => this.respond(request));
    else
      this.prepare(response, body.kind === 'text' ? Buffer.from(body.text) : body.kind === 'bytes' ? body.bytes : null);
  }

  respond(request: RequestParser): HttpResponse {
    const { ok } = this;
    if (ok === null) return this.later!;
    return (request.presentMask & CONDITIONAL_FIELDS) === 0 || ok.status !== 200 ? ok : this.evaluate(request, ok);
  }

  private evaluate(request: RequestParser, ok: HttpResponse): HttpResponse {
    const { cachedSection } = request;
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    // A client that revalidates repeats its fields byte for byte: they are compared once.
    if (cachedSection !== null && cachedSection === this.matchingFields && isRead) return this.notModified!;
    const { status } = evaluate(request, this.validators, Date.now);
    if (status === 412) return PRECONDITION_FAILED;
    if (status === 200) return ok;
    this.notModified ??= new HttpResponse(
      304,
      ok.fields.filter(([name]) => !CONTENT_FIELDS.test(name)),
      NO_BODY,
    );
    if ((request.presentMask & CONDITIONAL_FIELDS) === NONE_MATCH_BIT) this.matchingFields = cachedSection;
    return this.notModified;
  }

  /** Never rejects. */
  private async read(response: HttpResponse, { stream }: StreamBody): Promise<void> {
    const chunks: Uint8Array[] = [];
    let length = 0;
    try {
      for await (const chunk of stream as AsyncIterable<Uint8Array | string>) {
        const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
        length += bytes.length;
        if (length > MOST_BYTES)
          throw new RangeError(`it has more than ${MOST_BYTES} bytes: return it from a function`);
        chunks.push(bytes);
      }
      this.prepare(response, Buffer.concat(chunks));
    } catch (error) {
      report(`the body of ${this.name}`, error);
      this.ok = SERVER_ERROR;
    }
  }

  private prepare(
    { status, reason, fieldLines, contentLength, closesConnection }: HttpResponse,
    bytes: Uint8Array | null,
  ): void {
    const fields = fieldsOf(fieldLines);
    const given = (name: string): string | undefined => fields.find(([each]) => each.toLowerCase() === name)?.[1];
    let etag = given('etag');
    if (etag === undefined && status === 200 && bytes !== null) {
      etag = tagOf(bytes);
      fields.push(['ETag', etag]);
    }
    const modified = given('last-modified');
    const modifiedSeconds = modified === undefined ? Number.NaN : parseDate(modified, Date.now()) / 1000;
    this.validators = { etag: etag ?? NO_ETAG, modifiedSeconds, recent: false };
    const body = bytes === null ? NO_BODY : ({ kind: 'bytes', bytes } as const);
    const length = bytes !== null ? bytes.length : this.isForHead ? contentLength : 0;
    this.ok = new ReasonedResponse(status, reason, fields, body, length);
    this.ok.closesConnection = closesConnection;
  }
}

/** 132 bits of SHA-256: the same on every replica. */
const tagOf = (bytes: Uint8Array): string => `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`;

const fieldsOf = (lines: string): Field[] =>
  lines
    .split('\r\n')
    .slice(0, -1)
    .map((line): Field => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]);
