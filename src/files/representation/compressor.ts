import { AVAILABLE_CODINGS, type ContentCoding, compress, isWorthwhile } from '../../http/semantics/accept-encoding.js';
import type { Kernel } from '../../sys/kernel.js';
import { exactFingerprint } from '../resolve/fingerprint.js';
import type { CompressionJob, CompressionQueue } from './compression-queue.js';
import { etagForCompressed } from './etag.js';
import { makeRepresentation, type RepresentationFields } from './representation.js';
import type { OnDemandCompressor, Representations } from './representations.js';

/**
 * Compresses a file when somebody would like it so, once for each coding. Whoever asks meanwhile gets what there is. When
 * nothing is left to try, the content has no maker any more.
 */
export class Compressor implements OnDemandCompressor, CompressionJob {
  /** In the order in which they were asked for, those that were tried among them. */
  private readonly requested = new Set<ContentCoding>();
  private readonly tried = new Set<ContentCoding>();
  /** Of a file that is not in memory: what the tags are about. */
  private readonly version: string | null;
  private isQueued = false;

  constructor(
    private readonly kernel: Kernel,
    private readonly queue: CompressionQueue,
    private readonly content: Representations,
    private readonly common: RepresentationFields,
    private readonly onRepresentationAdded: () => void,
  ) {
    const { body } = content.identity.ok;
    this.version = body.kind === 'file' ? exactFingerprint(kernel, body.file.fd, body.length) : null;
  }

  get isWanted(): boolean {
    return !this.content.isClosed;
  }

  request(coding: ContentCoding): boolean {
    if (!AVAILABLE_CODINGS.includes(coding) || this.tried.has(coding)) return false;
    // Without a tag it could not be revalidated: when the file has its own.
    if (this.content.identity.validators.etag === '') return true;
    if (!this.isQueued) this.isQueued = this.queue.add(this);
    if (this.isQueued) this.requested.add(coding);
    return true;
  }

  async run(): Promise<void> {
    try {
      await this.compress();
    } finally {
      this.isQueued = false;
    }
  }

  /** Reads the file once for all that has been asked for until the last of it is done. */
  private async compress(): Promise<void> {
    const bytes = this.read();
    if (bytes === null) {
      this.content.compressor = null;
      return;
    }
    for (const coding of this.requested) {
      if (this.tried.has(coding)) continue;
      const packed = await compress(bytes, coding).catch(() => null); // out of memory, say: it stays as it is
      this.tried.add(coding);
      if (!this.isWanted) return;
      if (packed !== null && isWorthwhile(bytes.length, packed.length)) this.add(coding, packed);
    }
    if (this.isDone()) this.content.compressor = null;
  }

  private add(coding: ContentCoding, bytes: Uint8Array): void {
    const original = this.content.identity.validators;
    const validators = { ...original, etag: etagForCompressed(original.etag, coding, bytes) };
    this.content.list.push(makeRepresentation(coding, { kind: 'bytes', bytes }, validators, this.common));
    this.onRepresentationAdded();
  }

  private isDone(): boolean {
    const there = this.content.list.map(({ coding }) => coding);
    return AVAILABLE_CODINGS.every((coding) => this.tried.has(coding) || there.includes(coding));
  }

  /** The file as it is; null when it is no longer what its tag says. */
  private read(): Uint8Array | null {
    const { body } = this.content.identity.ok;
    if (body.kind === 'bytes') return body.bytes;
    if (body.kind !== 'file') return null;
    const { file, offset, length } = body;
    const bytes = Buffer.allocUnsafeSlow(length);
    const isRead = this.kernel.pread(file.fd, bytes, 0, length, offset) === length;
    return isRead && exactFingerprint(this.kernel, file.fd, length) === this.version ? bytes : null;
  }
}
