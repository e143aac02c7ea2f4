import type { DeflateAgreement, DeflateOptions } from '../../http/websocket/deflate-offer.js';
import type { ReceiveRules } from '../../http/websocket/deliver.js';
import { MessageDeflater, MessageInflater } from '../../http/websocket/permessage-deflate.js';
import type { CheckedWebSocketHandler, Compressor } from './web-socket-options.js';

/** Fast rather than small: what is compressed is short, and sent at once. */
const LEVEL = 3;

/** What the `perMessageDeflate` and the `maxPayloadLength` of a server are to its sockets. */
export class Compression {
  /** Null if it is off. */
  readonly offer: DeflateOptions | null;
  private readonly compresses: boolean;
  private readonly plain: ReceiveRules;
  private readonly shared: ReceiveRules;
  /** By the bits of the window. */
  private readonly sharedDeflaters = new Map<number, MessageDeflater>();

  constructor({ perMessageDeflate, maxPayloadLength }: CheckedWebSocketHandler) {
    const { compress = 'shared', decompress = 'shared' } =
      typeof perMessageDeflate === 'object' ? perMessageDeflate : {};
    const isOn = perMessageDeflate !== false && isEnabled(decompress);
    this.compresses = isOn && isEnabled(compress);
    this.offer = isOn ? { serverContext: compress === 'dedicated', clientContext: decompress === 'dedicated' } : null;
    this.plain = { maxPayloadBytes: maxPayloadLength, inflater: null };
    this.shared = { maxPayloadBytes: maxPayloadLength, inflater: isOn ? new MessageInflater(false) : null };
  }

  /** @param agreement null without permessage-deflate */
  rulesFor(agreement: DeflateAgreement | null): ReceiveRules {
    if (agreement === null) return this.plain;
    if (!agreement.clientContext) return this.shared;
    return { maxPayloadBytes: this.plain.maxPayloadBytes, inflater: new MessageInflater(true) };
  }

  /** Null if nothing is to be compressed. */
  deflaterFor(agreement: DeflateAgreement | null): MessageDeflater | null {
    if (agreement === null || !this.compresses) return null;
    const { serverContext, serverWindowBits: bits } = agreement;
    if (serverContext) return new MessageDeflater(bits, true, LEVEL);
    let shared = this.sharedDeflaters.get(bits);
    shared ??= new MessageDeflater(bits, false, LEVEL);
    this.sharedDeflaters.set(bits, shared);
    return shared;
  }

  isShared(deflater: MessageDeflater): boolean {
    for (const each of this.sharedDeflaters.values()) if (each === deflater) return true;
    return false;
  }
}

const isEnabled = (compressor: Compressor): boolean => compressor !== false && compressor !== 'disable';
