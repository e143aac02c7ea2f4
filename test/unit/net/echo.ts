import type { Connection } from '../../../src/net/connection.js';
import type { Protocol } from '../../../src/net/protocol.js';
import { SharedFd } from '../../../src/sys/shared-fd.js';

const LF = 0x0a;

export interface EchoOptions {
  linesPerTurn?: number;
  highWaterBytes?: number;
  idleMs?: number;
  /** What a timeout sends before it lingers; without it the connection is closed at once. */
  timeoutMessage?: string;
}

/**
 * A minimal protocol: the response to a line is the line. Some lines are commands: the response to `big N` and `file N` is
 * N bytes; `quit` and `linger` close the connection after their response, `close` closes it at once.
 */
export class Echo implements Protocol {
  closeCalls = 0;
  timeouts = 0;
  lines = 0;
  deferred = 0;
  mostQueuedBytes = 0;

  constructor(
    private readonly connection: Connection,
    private readonly open: (bytes: Uint8Array) => number,
    private readonly options: EchoOptions,
  ) {}

  onData(bytes: Uint8Array, start: number, end: number): number {
    bytes[end] = LF; // the protocol may write the spare byte
    let budget = this.options.linesPerTurn ?? 64;
    let at = start;
    while (at < end) {
      if (budget-- === 0 || this.connection.queuedBytes > (this.options.highWaterBytes ?? 65536)) {
        this.deferred++;
        this.connection.deferInput();
        return at;
      }
      const lineEnd = bytes.indexOf(LF, at);
      if (lineEnd === end) return at;
      this.respond(Buffer.from(bytes.subarray(at, lineEnd)).toString('latin1'));
      at = lineEnd + 1;
      if (this.connection.isClosing) return end;
    }
    return at;
  }

  readonly wantsInput = true;
  readonly isTaskless = false;
  readonly isSending = false;

  onEnd(): boolean {
    return false;
  }

  onSent(): void {}

  onDrain(): void {}

  deadlineMs(sinceMs: number): number {
    return sinceMs + (this.options.idleMs ?? 60_000);
  }

  onTimeout(): void {
    this.timeouts++;
    if (this.options.timeoutMessage === undefined) return this.connection.close();
    this.send(this.options.timeoutMessage);
    this.connection.closeWhenSent(true);
  }

  onClose(): void {
    this.closeCalls++;
  }

  private respond(line: string): void {
    this.lines++;
    const [command, length] = line.split(' ');
    if (command === 'close') return this.connection.close();
    if (command === 'file') {
      const file = new SharedFd(this.open(Buffer.alloc(Number(length), 'f')));
      this.connection.sendFile(file, 0, Number(length));
      file.release(this.connection.context.kernel);
    } else {
      this.send(responseTo(line));
    }
    this.mostQueuedBytes = Math.max(this.mostQueuedBytes, this.connection.queuedBytes);
    if (command === 'quit') this.connection.closeWhenSent(false);
    if (command === 'linger') this.connection.closeWhenSent(true);
  }

  /** The first half of the bytes may change when the turn is over, and `onTurnEnd` changes it. */
  private send(data: string): void {
    const bytes = Buffer.from(data);
    const immutableFrom = bytes.length >> 1;
    this.connection.sendBytes(bytes, 0, bytes.length, immutableFrom);
    this.mutable.push(bytes.subarray(0, immutableFrom));
  }

  /** Overwrites the bytes that may change when the turn is over. */
  onTurnEnd(): void {
    for (const bytes of this.mutable.splice(0)) bytes.fill(0x23);
  }

  private readonly mutable: Uint8Array[] = [];
}

/** The expected response to a line. */
export function responseTo(line: string): string {
  const [command, length] = line.split(' ');
  if (command === 'big') return 'x'.repeat(Number(length));
  if (command === 'file') return 'f'.repeat(Number(length));
  return `${line}\n`;
}

/** The expected responses to everything that was sent: none for an incomplete line. */
export function responsesTo(input: string): string {
  return input.split('\n').slice(0, -1).map(responseTo).join('');
}
