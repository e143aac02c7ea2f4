import type { FileHead } from '../../http/response/file-head.js';
import type { HeadBytes, JoinedBody } from '../../http/response/head-bytes.js';
import { type Field, type FileBody, HttpResponse } from '../../http/response/response.js';
import { EPOCH_SECONDS } from '../resolve/open-file.js';
import { modifiedField } from './representation.js';

const NO_FIELDS: readonly Field[] = [];

/** The 200 of a file, with a prepared head. Its fields are listed only if it is serialized otherwise, or for another status. */
export class FileResponse extends HttpResponse {
  constructor(
    private readonly head: FileHead,
    private readonly headBytes: HeadBytes,
    readonly modifiedSeconds: number,
    body: JoinedBody | FileBody,
    size: number,
  ) {
    super(200, NO_FIELDS, body, size);
    this.keepAliveHead = headBytes;
  }

  get etag(): string {
    return this.head.tagOf(this.headBytes.bytes);
  }

  get hasDate(): boolean {
    return this.modifiedSeconds > EPOCH_SECONDS;
  }

  /** How many of the first fields describe the content. */
  get contentFields(): number {
    return this.head.contentFields.length;
  }

  override get fields(): readonly Field[] {
    const { contentFields, otherFields } = this.head;
    const validators: Field[] = [['ETag', this.etag]];
    if (this.hasDate) validators.push(modifiedField(this.modifiedSeconds));
    return [...contentFields, ...validators, ...otherFields];
  }
}
