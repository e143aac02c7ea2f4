import type { Line } from './line.js';

/** The status of a request whose connection has ended before it had a response, as nginx has it. */
const NO_RESPONSE = 499;

/** Follows a request to the end of its response, for subscribers. */
export interface Trace {
  onResponse(status: number): void;
  onEnd(bytes: number, isComplete: boolean): void;
  onError(error: unknown): void;
}

/** What a connection sends. Positions in it are counted from its start. */
export interface Output {
  readonly sentBytes: number;
}

/** A request on its way to its line. */
export class LogEntry {
  status = NO_RESPONSE;
  /** Null unless requests have ids. ASCII without quotes. */
  requestId: string | null = null;
  /** Null without a subscriber. */
  trace: Trace | null = null;
  /** The start of its line, and its fields unless `fields` has them; null without a log, and once it is recorded. */
  line: Line | null = null;
  startLength = 0;
  /** The part of the line that all requests with the same field section have. */
  fields: Uint8Array | null = null;
  /** Where the body begins; infinite until the head is queued. */
  private bodyStart = Number.POSITIVE_INFINITY;
  /** Where the response ends; infinite until that is known. */
  private end = Number.POSITIVE_INFINITY;
  private chunks: Chunks | null = null;

  /** @param startMs when the request was received, on the reactor's clock */
  constructor(
    private readonly output: Output,
    readonly startMs: number,
  ) {}

  /** @param queuedBytes of the connection, up to the end of the head */
  begin(status: number, queuedBytes: number): void {
    this.status = status;
    this.bodyStart = this.output.sentBytes + queuedBytes;
    this.trace?.onResponse(status);
  }

  /** @param queuedBytes of the connection, up to the end of the response */
  complete(queuedBytes: number): void {
    this.end = this.output.sentBytes + queuedBytes;
  }

  /**
   * For the chunked coding.
   * @param queuedBytes of the connection, up to the end of the content of a chunk
   * @param length of that content
   */
  addChunk(queuedBytes: number, length: number): void {
    this.chunks ??= new Chunks();
    this.chunks.add(this.output.sentBytes + queuedBytes, length);
  }

  /** Whether all of the response has been sent. */
  get isComplete(): boolean {
    return this.end <= this.output.sentBytes;
  }

  /** Content that has been sent, without the framing of the chunked coding. */
  contentBytes(): number {
    const { sentBytes } = this.output;
    if (this.chunks !== null) return this.chunks.contentBytes(sentBytes);
    return Math.max(0, Math.min(sentBytes, this.end) - this.bodyStart);
  }

  /** The bytes of the start, of the fields and of the id. */
  get partsLength(): number {
    const { fields, requestId } = this;
    return this.line!.length + (fields === null ? 0 : fields.length) + (requestId === null ? 0 : requestId.length);
  }

  appendFields(to: Line): void {
    const { fields, startLength } = this;
    if (fields !== null) return to.append(fields);
    const { bytes, length } = this.line!;
    to.append(bytes.subarray(startLength, length));
  }
}

/** Which of the bytes of a chunked body are content. It remembers only the chunks that are not sent. */
class Chunks {
  private readonly ends: number[] = [];
  private readonly lengths: number[] = [];
  private sentBytes = 0;

  add(end: number, length: number): void {
    this.ends.push(end);
    this.lengths.push(length);
  }

  contentBytes(sentBytes: number): number {
    const { ends, lengths } = this;
    let sent = 0;
    while (sent < ends.length && ends[sent]! <= sentBytes) this.sentBytes += lengths[sent++]!;
    ends.splice(0, sent);
    lengths.splice(0, sent);
    return this.sentBytes + (ends.length === 0 ? 0 : Math.max(0, sentBytes - (ends[0]! - lengths[0]!)));
  }
}
