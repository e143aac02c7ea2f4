import type { Connection } from '../../net/connection.js';
import { peerName, peerOf } from '../../net/peer.js';
import type { Protocol } from '../../net/protocol.js';
import { INVALID, PARTIAL, ProxyHeader } from '../../net/proxy-header.js';
import { debug, tracing } from '../../sys/debug.js';
import type { SocketAddress } from '../../sys/kernel.js';
import type { ServerContext } from './context.js';

/** The protocol behind a PROXY header. */
export interface ProxiedProtocol extends Protocol {
  /** @param source the client's address; null if it is the peer of the connection */
  onProxyHeader(source: SocketAddress | null): void;
  /** The bytes that came with the header have been given to `onData`. */
  onFirstRead(): void;
}

const header = new ProxyHeader();

/** Once: it is a mistake of the settings, here or there, and nothing else shows it. */
function warn(proxy: string): void {
  process.stderr.write(
    `epollet: a connection of the trusted proxy ${proxy} did not begin with a PROXY header, and was closed; have it send one (HAProxy: send-proxy-v2), or leave proxyProtocol out. Further ones are counted only.\n`,
  );
}

/**
 * Reads the PROXY header of a connection of a trusted proxy, then puts the protocol behind it in its own place. A connection
 * that begins with anything else is closed: it may be one that has not passed the proxy, section 2 of the specification.
 */
export class ProxyProtocol implements Protocol {
  readonly wantsInput = true;
  readonly isTaskless = true;
  readonly isSending = false;

  constructor(
    private readonly context: ServerContext,
    private readonly connection: Connection,
    private readonly next: ProxiedProtocol,
  ) {}

  onData(bytes: Uint8Array, start: number, end: number): number {
    const { connection, next } = this;
    const headerEnd = header.parse(bytes, start, end);
    if (headerEnd === PARTIAL) return start;
    if (headerEnd === INVALID) {
      if (this.context.invalidProxyHeaders++ === 0) warn(peerName(peerOf(connection)));
      connection.close('no PROXY header');
      return end;
    }
    if (tracing) debug('PROXY header on fd %d from %s', connection.fd, header.source?.address ?? 'the proxy itself');
    connection.protocol = next;
    next.onProxyHeader(header.source);
    const used = headerEnd < end ? next.onData(bytes, headerEnd, end) : end;
    next.onFirstRead();
    return used;
  }

  onEnd(): boolean {
    return false;
  }

  onSent(): void {}

  onDrain(): void {}

  /** The header is part of the time for a head. */
  deadlineMs(sinceMs: number): number {
    return this.next.deadlineMs(sinceMs);
  }

  onTimeout(): void {
    this.context.timeouts++;
    this.connection.close('no PROXY header in time');
  }

  onClose(): void {
    this.next.onClose();
  }
}
