/** The end of a channel between two threads: a Worker, or the parentPort of one. */
export interface Port {
  postMessage(message: unknown): void;
  on(event: 'message', listener: (message: Message) => void): unknown;
}

type Functions = Readonly<Record<string, (argument: never) => unknown>>;

type Message =
  | { readonly call: string; readonly id: number; readonly argument: unknown }
  | { readonly result: unknown; readonly id: number }
  | { readonly error: SentError; readonly id: number };

/** An error as plain data: a structured clone would drop its code. */
export interface SentError {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly fields: Readonly<Record<string, unknown>>;
}

/**
 * Calls of functions in another thread, by messages. Errors are thrown again where the call was made, with their fields.
 * @typeParam Theirs the functions of the other thread
 */
export class Calls<Theirs extends Functions> {
  private readonly pending = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  private lastId = 0;
  /** Why the other thread does not respond any more. */
  private ended: Error | null = null;

  /** @param ours what the other thread may call */
  constructor(
    private readonly port: Port,
    private readonly ours: Functions = {},
  ) {
    port.on('message', (message) => void this.onMessage(message));
  }

  call<Name extends keyof Theirs & string>(
    name: Name,
    argument: Parameters<Theirs[Name]>[0],
  ): Promise<Awaited<ReturnType<Theirs[Name]>>> {
    return new Promise((resolve, reject) => {
      if (this.ended !== null) return reject(this.ended);
      const id = ++this.lastId;
      this.pending.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.port.postMessage({ call: name, id, argument });
    });
  }

  /** For a thread that has ended: pending calls reject, and later ones do. */
  end(reason: Error): void {
    this.ended = reason;
    for (const { reject } of this.pending.values()) reject(reason);
    this.pending.clear();
  }

  private async onMessage(message: Message): Promise<void> {
    const { id } = message;
    if ('call' in message) {
      try {
        const result = await this.ours[message.call]!(message.argument as never);
        this.port.postMessage({ result, id });
      } catch (error) {
        this.port.postMessage({ error: sent(error), id });
      }
      return;
    }
    const pending = this.pending.get(id);
    this.pending.delete(id);
    if ('error' in message) pending?.reject(received(message.error));
    else pending?.resolve(message.result);
  }
}

export function sent(error: unknown): SentError {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error), stack: undefined, fields: {} };
  const { name, message, stack } = error;
  const fields = Object.entries(error).filter(([, value]) => ['string', 'number', 'boolean'].includes(typeof value));
  return { name, message, stack, fields: Object.fromEntries(fields) };
}

const CLASSES: Readonly<Record<string, new (message: string) => Error>> = { Error, RangeError, TypeError };

export function received({ name, message, stack, fields }: SentError): Error {
  const error = Object.assign(new (CLASSES[name] ?? Error)(message), fields);
  if (CLASSES[name] === undefined) Object.defineProperty(error, 'name', { value: name });
  if (stack !== undefined) error.stack = stack;
  return error;
}
