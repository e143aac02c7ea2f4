import type { BytesBody, FileBody } from '../http/response/response.js';
import { systemError } from '../sys/errno.js';
import type { Kernel } from '../sys/kernel.js';
import type { SharedFd } from '../sys/shared-fd.js';

/** A body of files: one range of a file, or several with what is between them. */
export type FileContent =
  | FileBody
  | { readonly kind: 'parts'; readonly parts: readonly (BytesBody | FileBody)[]; readonly length: number };

const CHUNK_BYTES = 65_536;

/** The streams whose content is that of a file. */
const sources = new WeakMap<ReadableStream, FileSource>();

/** Closes the descriptors of streams that were neither sent, read nor cancelled. */
const dropped = new FinalizationRegistry<FileSource>((source) => source.release());

/**
 * The body of a Response whose content is that of a file. The server sends it as a file, as it does without a handler;
 * whatever else reads it, such as a compressing middleware, gets its bytes.
 * @param file its descriptor, of which a reference is owned from here on
 */
export function fileStream(kernel: Kernel, content: FileContent, file: SharedFd): ReadableStream<Uint8Array> {
  const source = new FileSource(kernel, content, file);
  const stream = new ReadableStream<Uint8Array>(source, { highWaterMark: 0 });
  sources.set(stream, source);
  dropped.register(stream, source, source);
  return stream;
}

/** The file behind a stream that was not read: the caller owns its reference from here on. Null for any other stream. */
export function takeFile(stream: ReadableStream): { content: FileContent; file: SharedFd } | null {
  return sources.get(stream)?.take() ?? null;
}

/** Reads a file as a stream is pulled. */
class FileSource {
  private readonly parts: readonly (BytesBody | FileBody)[];
  private file: SharedFd | null;
  private part = 0;
  private position = 0;

  constructor(
    private readonly kernel: Kernel,
    private readonly content: FileContent,
    file: SharedFd,
  ) {
    this.file = file;
    this.parts = content.kind === 'file' ? [content] : content.parts;
  }

  take(): { content: FileContent; file: SharedFd } | null {
    const { content, file } = this;
    if (file === null || this.part + this.position > 0) return null;
    this.file = null;
    dropped.unregister(this);
    return { content, file };
  }

  pull(controller: ReadableStreamDefaultController<Uint8Array>): void {
    const part = this.parts[this.part];
    if (part === undefined || this.file === null) {
      controller.close();
      return this.release();
    }
    const bytes = part.kind === 'bytes' ? Buffer.from(part.bytes) : this.read(part);
    this.position += bytes.length;
    if (part.kind === 'bytes' || this.position === part.length) {
      this.part++;
      this.position = 0;
    }
    controller.enqueue(bytes);
  }

  cancel(): void {
    this.release();
  }

  /** Idempotent. */
  release(): void {
    const { file } = this;
    this.file = null;
    dropped.unregister(this);
    file?.release(this.kernel);
  }

  private read({ file, offset, length }: FileBody): Buffer {
    const bytes = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, length - this.position));
    const count = this.kernel.pread(file.fd, bytes, 0, bytes.length, offset + this.position);
    if (count > 0) return bytes.subarray(0, count);
    this.release();
    throw count < 0 ? systemError('pread', count) : new Error('The file was cut while it was read');
  }
}
