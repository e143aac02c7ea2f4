import type { Connection } from '../../../src/net/connection.js';
import type { Protocol } from '../../../src/net/protocol.js';
import { SharedFd } from '../../../src/sys/shared-fd.js';

const LF = 0x0a;

export interface EchoOptions {
  linesPerTurn?: number;
  highWaterBytes?: number;
  idleMs?: number;
  /** What is said to a peer that was silent for too long; without it the connection is closed. */
  farewell?: string;
}

/**
 * A protocol as small as one can be: each line is answered by itself. Some lines are commands: `big N` and `file N` are
 * answered by N bytes, `quit` and `linger` end the connection after their answer, `close` at once.
 */
export class Echo implements Protocol {
  closedCalls = 0;
  expirations = 0;
  lines = 0;
  heldBack = 0;
  mostQueuedBytes = 0;

  constructor(
    private readonly connection: Connection,
    private readonly open: (bytes: Uint8Array) => number,
    private readonly options: EchoOptions,
  ) {}

  onData(bytes: Uint8Array, start: number, end: number): number {
    bytes[end] = LF; // the spare byte is the protocol's
    let budget = this.options.linesPerTurn ?? 64;
    let at = start;
    while (at < end) {
      if (budget-- === 0 || this.connection.queuedBytes > (this.options.highWaterBytes ?? 65536)) {
        this.heldBack++;
        this.connection.deferInput();
        return at;
      }
      const lineEnd = bytes.indexOf(LF, at);
      if (lineEnd === end) return at;
      this.answer(Buffer.from(bytes.subarray(at, lineEnd)).toString('latin1'));
      at = lineEnd + 1;
      if (this.connection.isClosing) return end;
    }
    return at;
  }

  readonly wantsInput = true;

  onEnd(): boolean {
    return false;
  }

  onDrain(): void {}

  deadlineMs(sinceMs: number): number {
    return sinceMs + (this.options.idleMs ?? 60_000);
  }

  onTimeout(): void {
    this.expirations++;
    if (this.options.farewell === undefined) return this.connection.close();
    this.say(this.options.farewell);
    this.connection.closeWhenSent(true);
  }

  onClose(): void {
    this.closedCalls++;
  }

  private answer(line: string): void {
    this.lines++;
    const [command, length] = line.split(' ');
    if (command === 'close') return this.connection.close();
    if (command === 'file') {
      const file = new SharedFd(this.open(Buffer.alloc(Number(length), 'f')));
      this.connection.sendFile(file, 0, Number(length));
      file.release(this.connection.context.kernel);
    } else {
      this.say(responseTo(line));
    }
    this.mostQueuedBytes = Math.max(this.mostQueuedBytes, this.connection.queuedBytes);
    if (command === 'quit') this.connection.closeWhenSent(false);
    if (command === 'linger') this.connection.closeWhenSent(true);
  }

  /** Half of it may change once the turn is over, and does. */
  private say(data: string): void {
    const bytes = Buffer.from(data);
    const settledFrom = bytes.length >> 1;
    this.connection.sendBytes(bytes, 0, bytes.length, settledFrom);
    this.unsettled.push(bytes.subarray(0, settledFrom));
  }

  /** The turn is over: what was not settled changes. */
  turnIsOver(): void {
    for (const bytes of this.unsettled.splice(0)) bytes.fill(0x23);
  }

  private readonly unsettled: Uint8Array[] = [];
}

/** What a peer should get for a line. */
export function responseTo(line: string): string {
  const [command, length] = line.split(' ');
  if (command === 'big') return 'x'.repeat(Number(length));
  if (command === 'file') return 'f'.repeat(Number(length));
  return `${line}\n`;
}

/** What a peer should get for all it has sent: half a line gets nothing. */
export function answersTo(input: string): string {
  return input.split('\n').slice(0, -1).map(responseTo).join('');
}
