import type { FileHead } from '../../http/response/file-head.js';
import type { HeadBytes, JoinedBody } from '../../http/response/head-bytes.js';
import { type Field, type FileBody, HttpResponse } from '../../http/response/response.js';

const NO_FIELDS: readonly Field[] = [];

/** A 200 with a prepared head. Its fields are listed only if it is serialized otherwise, or for another status. */
export class FileResponse extends HttpResponse {
  constructor(
    private readonly head: FileHead,
    private readonly etag: string,
    private readonly modified: Field | null,
    body: JoinedBody | FileBody,
    size: number,
    keepAliveHead: HeadBytes,
  ) {
    super(200, NO_FIELDS, body, size);
    this.keepAliveHead = keepAliveHead;
  }

  override get fields(): readonly Field[] {
    const { contentFields, otherFields } = this.head;
    const validators: Field[] = [['ETag', this.etag]];
    if (this.modified !== null) validators.push(this.modified);
    return [...contentFields, ...validators, ...otherFields];
  }

  override get fieldBytes(): number {
    const { modified } = this;
    const date = modified === null ? 0 : modified[0].length + modified[1].length;
    return this.head.fieldBytes + 'ETag'.length + this.etag.length + date;
  }
}
