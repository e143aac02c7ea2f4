import type { Limits } from '../http/limits.js';
import type { BytesBody, Field, FileBody } from '../http/response.js';
import type { Kernel } from '../sys/kernel.js';
import { SharedFd } from '../sys/shared-fd.js';
import type { Validators } from './conditional.js';
import { hashedTag, tagOfForm } from './content-tag.js';
import { type AcceptEncodingMemo, COMPRESSION_MIN_BYTES, isCompressible } from './encoding.js';
import { type OpenFile, readFile } from './file.js';
import { FileContent } from './file-content.js';
import { mediaTypeOf } from './media-type.js';
import type { ResolvedSiteOptions } from './options.js';
import { Packer } from './packer.js';
import type { PackingQueue } from './packing-queue.js';
import { DESCRIPTOR_BYTES, ENTRY_OVERHEAD_BYTES } from './resource.js';
import type { Rules } from './rules.js';
import { filesOf, isYoung, type Survey } from './survey.js';
import type { TagTable } from './tag-table.js';
import { combined, type Variant, type VariantFields, variantOf } from './variant.js';

/** A larger file is sent as it is: to compress it takes a thread a second and more, and its result memory. */
const COMPRESSION_MAX_BYTES = 4_194_304;

/** What rules say of the page of a folder they say of the listing that stands in its place. */
const LISTED_PAGE = 'index.html';

/** A file as content, and whether that may be kept. */
export interface Composed {
  readonly content: FileContent;
  readonly isKept: boolean;
}

/** What the composers of one server share. */
export interface ComposerContext {
  readonly kernel: Kernel;
  readonly limits: Limits;
  readonly memo: AcceptEncodingMemo;
  readonly tags: TagTable;
  readonly packing: PackingQueue;
}

/** Makes content of what the file system has: reads small files, and gives each form its fields and validators. */
export class Composer {
  constructor(
    private readonly context: ComposerContext,
    private readonly options: ResolvedSiteOptions,
    private readonly rules: Rules,
  ) {}

  /**
   * Takes over the descriptors of a survey that has a file.
   * @param overriding fields that go before those of the rules
   * @param changed called when the content has come to hold more, or has got its tags
   * @param isOwned the content answers until it is closed, even one that may not be kept
   */
  content(survey: Survey, overriding: readonly Field[], changed: () => void, isOwned = false): Composed {
    const { kernel, limits, memo, tags, packing } = this.context;
    const file = survey.file!;
    const common = this.fieldsOf(survey, overriding);
    const identity = this.variant('identity', file, common);
    const sidecars = survey.sidecars.map((sidecar) => this.variant(sidecar.coding, sidecar.file, common));
    const untagged = [identity, ...sidecars].filter(({ validators }) => validators.etag === '');
    // What changes while it is read is sent as its descriptor has it then, and looked at anew next time.
    const isSteady = !isYoung(survey) && (identity.ok.body.kind === 'bytes' || file.size > limits.cachedFileBytes);
    // Nobody comes back to what is kept without a tag: it is looked at anew, and may have its turn then.
    const isReadable = untagged.length === 0 || isOwned || !tags.isFull;
    const isKept = isSteady && isReadable && this.hasRoom(survey);
    const content = new FileContent(kernel, memo, identity, isKept || isOwned);
    content.variants.push(...sidecars);
    const opened = filesOf(survey).filter((_, i) => content.variants[i]!.ok.body.kind === 'file');
    if (opened.length > 0) content.opened = opened;
    if (isKept && this.isToCompress(common.mediaType, file.size)) {
      content.maker = new Packer(kernel, packing, content, common, changed);
    }
    if (isSteady && isReadable) {
      for (const variant of untagged) this.tagLater(variant, isKept || isOwned ? content : null, common, changed);
    }
    return { content, isKept };
  }

  /** Bytes that are no file's, but made of what the file system has. */
  made(bytes: Uint8Array, common: VariantFields): FileContent {
    const { kernel, memo } = this.context;
    const variant = variantOf('identity', { kind: 'bytes', bytes }, byContent(hashedTag(bytes)), common);
    return new FileContent(kernel, memo, variant, true);
  }

  /** What the rules and the options say of a file by its name. */
  fieldsOf(survey: Survey, overriding: readonly Field[] = []): VariantFields {
    const ruled = ruledName(survey);
    const mediaType = mediaTypeOf(ruled);
    const { fields } = this.rules.fieldsFor(`/${ruled}`, mediaType);
    const all = combined(combined(fields, overriding), this.rules.commonCorsFields);
    const type = all.find(([name]) => name.toLowerCase() === 'content-type');
    const sentType = type?.[1] ?? mediaType;
    return {
      mediaType: sentType,
      fields: all.filter((field) => field !== type),
      varies: survey.sidecars.length > 0 || this.isToCompress(sentType, survey.file?.size ?? 0),
    };
  }

  /** Whether the cache can hold it at all. */
  private hasRoom(survey: Survey): boolean {
    const { cachedFileBytes, cacheBytes, targetBytes } = this.context.limits;
    let bytes = ENTRY_OVERHEAD_BYTES + targetBytes;
    for (const { size } of filesOf(survey)) {
      bytes += size <= cachedFileBytes ? size : DESCRIPTOR_BYTES;
    }
    return bytes <= cacheBytes;
  }

  private isToCompress(mediaType: string, size: number): boolean {
    const { compress } = this.options;
    return compress && size >= COMPRESSION_MIN_BYTES && size <= COMPRESSION_MAX_BYTES && isCompressible(mediaType);
  }

  private variant(coding: Variant['coding'], file: OpenFile, common: VariantFields): Variant {
    const body = this.bodyOf(file);
    const validators = this.validatorsOf(file, body);
    return variantOf(coding, body, { ...validators, etag: tagOfForm(validators.etag, coding) }, common);
  }

  private validatorsOf(file: OpenFile, body: BytesBody | FileBody): Validators {
    if (this.options.etag === 'stat') return file.validators;
    return byContent(body.kind === 'bytes' ? hashedTag(body.bytes) : this.context.tags.find(file.fd, file.size));
  }

  /**
   * Large files have no tag until they are read once, a piece at a time.
   * @param content null when it answers only once, and the tag is for who asks next
   */
  private tagLater({ coding, ok }: Variant, content: FileContent | null, common: VariantFields, changed: () => void) {
    const body = ok.body as FileBody;
    const asker = content && {
      get isClosed() {
        return content.isClosed;
      },
      tagged(tag: string) {
        content.replace(variantOf(coding, body, byContent(tagOfForm(tag, coding)), common));
        changed();
      },
    };
    this.context.tags.read(body, asker);
  }

  /** The bytes of a small file, whose descriptor is closed; else the descriptor. */
  private bodyOf(file: OpenFile): BytesBody | FileBody {
    const { kernel, limits } = this.context;
    if (file.size <= limits.cachedFileBytes) {
      const bytes = readFile(kernel, file);
      if (bytes !== null) {
        kernel.close(file.fd);
        return { kind: 'bytes', bytes };
      }
    }
    return { kind: 'file', file: new SharedFd(file.fd), offset: 0, length: file.size };
  }
}

/** The name by which rules are chosen. */
export function ruledName({ kind, name }: Pick<Survey, 'kind' | 'name'>): Buffer {
  if (kind !== 'listing') return name;
  return Buffer.concat([name, Buffer.from(name.length === 0 ? LISTED_PAGE : `/${LISTED_PAGE}`)]);
}

/** Replicas have the same content, and times of their own: only the tag says which content this is. */
const byContent = (etag: string): Validators => ({ etag, modifiedSeconds: Number.NaN, recent: false });
