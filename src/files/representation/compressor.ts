import type { ContentCoding } from '../../http/semantics/accept-encoding.js';
import type { Kernel } from '../../sys/kernel.js';
import { exactFingerprint } from '../resolve/fingerprint.js';
import { AVAILABLE_CODINGS, compress, isWorthwhile } from './compress.js';
import type { CompressionJob, CompressionQueue } from './compression-queue.js';
import { etagForCompressed } from './etag.js';
import { makeRepresentation, type RepresentationFields } from './representation.js';
import type { OnDemandCompressor, Representations } from './representations.js';

/**
 * Compresses a file when a request prefers a coding that it lacks, once for each coding. Meanwhile requests get the
 * representations that exist. When no coding is left to try, it removes itself from the content.
 */
export class Compressor implements OnDemandCompressor, CompressionJob {
  /** In the order of the requests, including those tried. */
  private readonly requested = new Set<ContentCoding>();
  private readonly tried = new Set<ContentCoding>();
  /** Of a file that is not in memory: the state that its entity tags are of. */
  private readonly fingerprint: string | null;
  private isQueued = false;

  constructor(
    private readonly kernel: Kernel,
    private readonly queue: CompressionQueue,
    private readonly content: Representations,
    private readonly common: RepresentationFields,
    private readonly onRepresentationAdded: () => void,
  ) {
    const { body } = content.identity.ok;
    this.fingerprint = body.kind === 'file' ? exactFingerprint(kernel, body.file.fd, body.length) : null;
  }

  get isWanted(): boolean {
    return !this.content.isClosed;
  }

  request(coding: ContentCoding): boolean {
    if (!AVAILABLE_CODINGS.includes(coding) || this.tried.has(coding)) return false;
    // The entity tag is derived from the file's: wait until that is hashed.
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

  /** Reads the file once for all codings that are requested before the last of them is done. */
  private async compress(): Promise<void> {
    const bytes = this.read();
    if (bytes === null) {
      this.content.compressor = null;
      return;
    }
    for (const coding of this.requested) {
      if (this.tried.has(coding)) continue;
      const encoded = await compress(bytes, coding).catch(() => null); // out of memory, for example
      this.tried.add(coding);
      if (!this.isWanted) return;
      if (encoded !== null && isWorthwhile(bytes.length, encoded.length)) this.add(coding, encoded);
    }
    if (this.isDone()) this.content.compressor = null;
  }

  private add(coding: ContentCoding, bytes: Uint8Array): void {
    const original = this.content.identity.validators;
    const validators = { ...original, etag: etagForCompressed(original.etag, coding, bytes) };
    this.content.list.push(makeRepresentation(coding, { kind: 'bytes', bytes }, validators, this.common, false));
    this.onRepresentationAdded();
  }

  private isDone(): boolean {
    const existing = this.content.list.map(({ coding }) => coding);
    return AVAILABLE_CODINGS.every((coding) => this.tried.has(coding) || existing.includes(coding));
  }

  /** The content; null if the file has changed since its entity tag. */
  private read(): Uint8Array | null {
    const { body } = this.content.identity.ok;
    if (body.kind === 'bytes') return body.bytes;
    if (body.kind !== 'file') return null;
    const { file, offset, length } = body;
    const bytes = Buffer.allocUnsafeSlow(length);
    const isComplete = this.kernel.pread(file.fd, bytes, 0, length, offset) === length;
    return isComplete && exactFingerprint(this.kernel, file.fd, length) === this.fingerprint ? bytes : null;
  }
}
