import type { Kernel } from '../sys/kernel.js';
import { tagOfMade } from './content-tag.js';
import { AVAILABLE_CODINGS, type Coding, compress, paysOff } from './encoding.js';
import type { FileContent, VariantMaker } from './file-content.js';
import { type VariantFields, variantOf } from './variant.js';

/** Compresses a file when somebody would like it so, once for each coding. Whoever asks meanwhile gets what there is. */
export class Packer implements VariantMaker {
  private readonly begun = new Set<Coding>();

  constructor(
    private readonly kernel: Kernel,
    private readonly content: FileContent,
    private readonly common: VariantFields,
    private readonly changed: () => void,
  ) {}

  wanted(coding: Coding): void {
    if (this.content.identity.validators.etag === '') return; // it could not be revalidated: when the file has its tag
    if (this.begun.has(coding) || !AVAILABLE_CODINGS.includes(coding)) return;
    this.begun.add(coding);
    this.pack(coding).catch(() => {}); // out of memory, say: the file is served as it is
  }

  private async pack(coding: Coding): Promise<void> {
    const { content } = this;
    const bytes = this.read();
    if (bytes === null) return;
    const packed = await compress(bytes, coding);
    if (content.isClosed || !paysOff(bytes.length, packed.length)) return;
    const { etag, modifiedSeconds } = content.identity.validators;
    const validators = { etag: tagOfMade(etag, coding, packed), modifiedSeconds };
    content.variants.push(variantOf(coding, { kind: 'bytes', bytes: packed }, validators, this.common));
    this.changed();
  }

  /** The file as it is; null when it is shorter than it was. */
  private read(): Uint8Array | null {
    const { body } = this.content.identity.ok;
    if (body.kind === 'bytes') return body.bytes;
    if (body.kind !== 'file') return null;
    const bytes = Buffer.allocUnsafeSlow(body.length);
    return this.kernel.pread(body.file.fd, bytes, 0, body.length, body.offset) === body.length ? bytes : null;
  }
}
