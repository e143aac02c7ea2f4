import { FileHead } from '../../http/response/file-head.js';
import { latin1 } from '../../http/text.js';
import { FINGERPRINT_BYTES } from '../resolve/fingerprint.js';
import { isCompressible } from '../rules/media-type.js';
import type { Rules } from '../rules/response-headers.js';
import type { ResolvedSiteOptions } from '../rules/site-options.js';
import { isEncodedFormat } from '../rules/stored-coding.js';
import { originalOf } from '../watch/watched-directory.js';
import type { RepresentationBuilder } from './builder.js';
import { ACCEPT_RANGES, MODIFIED_LINE_BYTES, typeField } from './representation.js';

/** Longer heads, of sites with many or long fields of their own, are made in the usual way. */
export const HEAD_BYTES_MAX = 2048;
/** Heads are made once for each extension, and what the site's rules distinguish. */
const KINDS_MAX = 1000;
const EXTENSION_BYTES_MAX = 16;

/** Files with one extension. */
interface Kind {
  readonly mediaType: string;
  /** They are not in a content coding, nor compressed on request. */
  readonly isUsual: boolean;
  readonly isSameForAll: boolean;
  /** Of all, if there is one. */
  head: FileHead | null;
  /** By what the site's rules distinguish; null for files that have another form than the usual. */
  readonly heads: Map<string, FileHead | null>;
}

/** The heads of files that have only the representation that is stored, by their paths. */
export class FileHeads {
  private readonly kinds = new Map<string, Kind>();

  constructor(
    private readonly options: ResolvedSiteOptions,
    private readonly rules: Rules,
    private readonly builder: RepresentationBuilder,
  ) {}

  /**
   * Null if the files with this path have another than the usual form.
   * @param bytes that contain the path from `start` to before `end`, with its last dot at `dot`, or -1
   * @param isIndex it is that of a directory, with the name of its index
   */
  of(bytes: Uint8Array, start: number, dot: number, end: number, isIndex: boolean): FileHead | null {
    if (dot >= 0 && end - dot > EXTENSION_BYTES_MAX) return null;
    const extension = dot < 0 ? '' : latin1(bytes, dot + 1, end);
    let kind = this.kinds.get(extension);
    if (kind === undefined) {
      if (this.kinds.size >= KINDS_MAX) this.kinds.clear();
      kind = this.kindOf(extension);
      this.kinds.set(extension, kind);
    }
    if (!kind.isUsual) return null;
    if (this.options.cleanUrls && !isIndex && (extension === '' || extension === 'html')) return null;
    if (kind.head !== null) return kind.head;
    const path = latin1(bytes, start, end);
    const key = kind.isSameForAll ? '' : this.rules.fieldsKey(path, kind.mediaType);
    let head = kind.heads.get(key);
    if (head === undefined) {
      head = this.makeHead(path);
      if (kind.heads.size < KINDS_MAX) kind.heads.set(key, head);
      if (kind.isSameForAll) kind.head = head;
    }
    return head;
  }

  private kindOf(extension: string): Kind {
    const name = `.${extension}`;
    const { mediaType } = this.rules.contentOf(`/file${name}`);
    const isEncoded = originalOf(name) !== null || isEncodedFormat(Buffer.from(name));
    const isCompressed = this.options.compress && isCompressible(mediaType);
    const isSameForAll = this.rules.sameForAll(mediaType);
    return { mediaType, isUsual: !isEncoded && !isCompressed, isSameForAll, head: null, heads: new Map() };
  }

  private makeHead(path: string): FileHead | null {
    const name = Buffer.from(path.slice(1), 'latin1');
    const { mediaType, fields } = this.builder.fieldsOf({ kind: 'file', name, file: null, precompressed: [] });
    // By a rule the type may be another than that of the name.
    if (this.options.compress && isCompressible(mediaType)) return null;
    const head = new FileHead([typeField(mediaType), ACCEPT_RANGES], fields, FINGERPRINT_BYTES, MODIFIED_LINE_BYTES);
    return head.maxBytes > HEAD_BYTES_MAX ? null : head;
  }
}
