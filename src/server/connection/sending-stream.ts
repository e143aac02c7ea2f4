import type { StreamBody } from '../../http/response/response.js';
import type { Connection } from '../../net/connection.js';
import { resetOnClose } from '../../net/socket-options.js';
import { report } from '../handlers/handler-runner.js';
import { ResponseStream, type StreamEnd } from '../handlers/response-stream.js';
import type { ServerContext } from './context.js';
import type { PendingResponse } from './pending-response.js';

/** The stream of a pending response, on its connection. */
export class SendingStream extends ResponseStream {
  /** It never ends by itself. */
  readonly isEndless: boolean;

  /**
   * @param length as for ResponseStream
   * @param onSent called once, when everything is queued or the stream is broken, unless the connection is closed before
   */
  constructor(
    private readonly context: ServerContext,
    connection: Connection,
    private readonly pending: PendingResponse,
    { stream, isEndless }: StreamBody,
    length: number,
    onSent: (end: StreamEnd) => void,
  ) {
    const { kernel } = connection.context;
    const endsWithConnection = Number.isNaN(length);
    if (endsWithConnection) resetOnClose(kernel, connection.fd); // even if the process is killed
    super(connection, stream, length, context.limits, context.flushQueue, pending.logEntry, (end, error) => {
      if (endsWithConnection && end === 'complete') resetOnClose(kernel, connection.fd, false);
      if (end === 'broken' && error !== undefined && !pending.isAbortReason(error))
        report('the stream of a response', error);
      if (end === 'broken' && pending.isHttp10) return connection.close('the stream of a response is broken');
      onSent(end);
    });
    this.isEndless = isEndless;
  }

  start(): void {
    if (this.isEndless && this.context.isDraining) this.end();
    else void this.run();
  }

  /** The client has left, and the stream would never end. */
  leave(reason: DOMException): void {
    this.pending.abort(reason);
    this.end(reason);
  }
}
