import type { Kernel } from '../sys/kernel.js';
import { tagOfMade } from './content-tag.js';
import { AVAILABLE_CODINGS, type Coding, compress, paysOff } from './encoding.js';
import { versionOf } from './file.js';
import type { FileContent, VariantMaker } from './file-content.js';
import type { PackingJob, PackingQueue } from './packing-queue.js';
import { type VariantFields, variantOf } from './variant.js';

/**
 * Compresses a file when somebody would like it so, once for each coding. Whoever asks meanwhile gets what there is. When
 * nothing is left to try, the content has no maker any more.
 */
export class Packer implements VariantMaker, PackingJob {
  /** In the order in which they were asked for, those that were tried among them. */
  private readonly asked = new Set<Coding>();
  private readonly tried = new Set<Coding>();
  /** Of a file that is not in memory: what the tags are about. */
  private readonly version: string | null;
  private isQueued = false;

  constructor(
    private readonly kernel: Kernel,
    private readonly queue: PackingQueue,
    private readonly content: FileContent,
    private readonly common: VariantFields,
    private readonly changed: () => void,
  ) {
    const { body } = content.identity.ok;
    this.version = body.kind === 'file' ? versionOf(kernel, body.file.fd, body.length) : null;
  }

  get isWanted(): boolean {
    return !this.content.isClosed;
  }

  wanted(coding: Coding): boolean {
    if (!AVAILABLE_CODINGS.includes(coding) || this.tried.has(coding)) return false;
    // Without a tag it could not be revalidated: when the file has its own.
    if (this.content.identity.validators.etag === '') return true;
    if (!this.isQueued) this.isQueued = this.queue.add(this);
    if (this.isQueued) this.asked.add(coding);
    return true;
  }

  async run(): Promise<void> {
    try {
      await this.pack();
    } finally {
      this.isQueued = false;
    }
  }

  /** Reads the file once for all that has been asked for until the last of it is done. */
  private async pack(): Promise<void> {
    const bytes = this.read();
    if (bytes === null) {
      this.content.maker = null;
      return;
    }
    for (const coding of this.asked) {
      if (this.tried.has(coding)) continue;
      const packed = await compress(bytes, coding).catch(() => null); // out of memory, say: it stays as it is
      this.tried.add(coding);
      if (!this.isWanted) return;
      if (packed !== null && paysOff(bytes.length, packed.length)) this.add(coding, packed);
    }
    if (this.isDone()) this.content.maker = null;
  }

  private add(coding: Coding, bytes: Uint8Array): void {
    const original = this.content.identity.validators;
    const validators = { ...original, etag: tagOfMade(original.etag, coding, bytes) };
    this.content.variants.push(variantOf(coding, { kind: 'bytes', bytes }, validators, this.common));
    this.changed();
  }

  private isDone(): boolean {
    const there = this.content.variants.map(({ coding }) => coding);
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
    return isRead && versionOf(this.kernel, file.fd, length) === this.version ? bytes : null;
  }
}
