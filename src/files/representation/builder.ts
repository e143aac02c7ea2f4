import type { Limits } from '../../http/limits.js';
import type { BytesBody, Field, FileBody } from '../../http/response/response.js';
import {
  type AcceptEncodingCache,
  COMPRESSION_MIN_BYTES,
  isCompressible,
} from '../../http/semantics/accept-encoding.js';
import type { Validators } from '../../http/semantics/preconditions.js';
import type { Kernel } from '../../sys/kernel.js';
import { SharedFd } from '../../sys/shared-fd.js';
import { DESCRIPTOR_BYTES, ENTRY_OVERHEAD_BYTES } from '../cache/entry.js';
import { type OpenFile, readFile } from '../resolve/open-file.js';
import { filesOf, isRacy, type Resolved } from '../resolve/resolver.js';
import { mediaTypeOf } from '../rules/media-type.js';
import type { Rules } from '../rules/response-headers.js';
import type { ResolvedSiteOptions } from '../rules/site-options.js';
import type { CompressionQueue } from './compression-queue.js';
import { Compressor } from './compressor.js';
import { etagForBytes, etagForCoding } from './etag.js';
import type { EtagHasher } from './etag-hasher.js';
import { makeRepresentation, mergeFields, type Representation, type RepresentationFields } from './representation.js';
import { Representations } from './representations.js';

/** A larger file is sent as it is: to compress it takes a thread a second and more, and its result memory. */
const COMPRESSION_MAX_BYTES = 4_194_304;

/** What rules say of the page of a folder they say of the listing that stands in its place. */
const LISTED_PAGE = 'index.html';

/** A file as content, and whether that may be kept. */
export interface Built {
  readonly content: Representations;
  readonly isCacheable: boolean;
}

/** What the composers of one server share. */
export interface BuilderContext {
  readonly kernel: Kernel;
  readonly limits: Limits;
  readonly acceptEncodings: AcceptEncodingCache;
  readonly etags: EtagHasher;
  readonly compression: CompressionQueue;
}

/** Makes content of what the file system has: reads small files, and gives each form its fields and validators. */
export class RepresentationBuilder {
  constructor(
    private readonly context: BuilderContext,
    private readonly options: ResolvedSiteOptions,
    private readonly rules: Rules,
  ) {}

  /**
   * Takes over the descriptors of a survey that has a file.
   * @param overriding fields that go before those of the rules
   * @param changed called when the content has come to hold more, or has got its tags
   * @param isOwned the content answers until it is closed, even one that may not be kept
   */
  build(survey: Resolved, overriding: readonly Field[], changed: () => void, isOwned = false): Built {
    const { kernel, limits, acceptEncodings, etags, compression } = this.context;
    const file = survey.file!;
    const common = this.fieldsOf(survey, overriding);
    const identity = this.representation('identity', file, common);
    const sidecars = survey.precompressed.map((sidecar) => this.representation(sidecar.coding, sidecar.file, common));
    const untagged = [identity, ...sidecars].filter(({ validators }) => validators.etag === '');
    // What changes while it is read is sent as its descriptor has it then, and looked at anew next time.
    const isSteady = !isRacy(survey) && (identity.ok.body.kind === 'bytes' || file.size > limits.maxCachedFileBytes);
    // Nobody comes back to what is kept without a tag: it is looked at anew, and may have its turn then.
    const isReadable = untagged.length === 0 || isOwned || !etags.isFull;
    const isKept = isSteady && isReadable && this.hasRoom(survey);
    const content = new Representations(kernel, acceptEncodings, identity, isKept || isOwned);
    content.list.push(...sidecars);
    const opened = filesOf(survey).filter((_, i) => content.list[i]!.ok.body.kind === 'file');
    if (opened.length > 0) content.openFiles = opened;
    if (isKept && this.isCompressible(common.mediaType, file.size)) {
      content.compressor = new Compressor(kernel, compression, content, common, changed);
    }
    if (isSteady && isReadable) {
      for (const variant of untagged) this.requestEtag(variant, isKept || isOwned ? content : null, common, changed);
    }
    return { content, isCacheable: isKept };
  }

  /** Bytes that are no file's, but made of what the file system has. */
  fromBytes(bytes: Uint8Array, common: RepresentationFields): Representations {
    const { kernel, acceptEncodings } = this.context;
    const variant = makeRepresentation(
      'identity',
      { kind: 'bytes', bytes },
      contentValidators(etagForBytes(bytes)),
      common,
    );
    return new Representations(kernel, acceptEncodings, variant, true);
  }

  /** What the rules and the options say of a file by its name. */
  fieldsOf(survey: Resolved, overriding: readonly Field[] = []): RepresentationFields {
    const ruled = headerPath(survey);
    const mediaType = mediaTypeOf(ruled);
    const { fields } = this.rules.fieldsFor(`/${ruled}`, mediaType);
    const all = mergeFields(mergeFields(fields, overriding), this.rules.commonCorsFields);
    const type = all.find(([name]) => name.toLowerCase() === 'content-type');
    const sentType = type?.[1] ?? mediaType;
    return {
      mediaType: sentType,
      fields: all.filter((field) => field !== type),
      varies: survey.precompressed.length > 0 || this.isCompressible(sentType, survey.file?.size ?? 0),
    };
  }

  /** Whether the cache can hold it at all. */
  private hasRoom(survey: Resolved): boolean {
    const { maxCachedFileBytes, cacheBytes, targetBytes } = this.context.limits;
    let bytes = ENTRY_OVERHEAD_BYTES + targetBytes;
    for (const { size } of filesOf(survey)) {
      bytes += size <= maxCachedFileBytes ? size : DESCRIPTOR_BYTES;
    }
    return bytes <= cacheBytes;
  }

  private isCompressible(mediaType: string, size: number): boolean {
    const { compress } = this.options;
    return compress && size >= COMPRESSION_MIN_BYTES && size <= COMPRESSION_MAX_BYTES && isCompressible(mediaType);
  }

  private representation(
    coding: Representation['coding'],
    file: OpenFile,
    common: RepresentationFields,
  ): Representation {
    const body = this.bodyOf(file);
    const validators = this.validatorsOf(file, body);
    return makeRepresentation(coding, body, { ...validators, etag: etagForCoding(validators.etag, coding) }, common);
  }

  private validatorsOf(file: OpenFile, body: BytesBody | FileBody): Validators {
    if (this.options.etag === 'stat') return file.validators;
    return contentValidators(
      body.kind === 'bytes' ? etagForBytes(body.bytes) : this.context.etags.find(file.fd, file.size),
    );
  }

  /**
   * Large files have no tag until they are read once, a piece at a time.
   * @param content null when it answers only once, and the tag is for who asks next
   */
  private requestEtag(
    { coding, ok }: Representation,
    content: Representations | null,
    common: RepresentationFields,
    changed: () => void,
  ) {
    const body = ok.body as FileBody;
    const asker = content && {
      get isClosed() {
        return content.isClosed;
      },
      onEtag(tag: string) {
        content.replace(makeRepresentation(coding, body, contentValidators(etagForCoding(tag, coding)), common));
        changed();
      },
    };
    this.context.etags.read(body, asker);
  }

  /** The bytes of a small file, whose descriptor is closed; else the descriptor. */
  private bodyOf(file: OpenFile): BytesBody | FileBody {
    const { kernel, limits } = this.context;
    if (file.size <= limits.maxCachedFileBytes) {
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
export function headerPath({ kind, name }: Pick<Resolved, 'kind' | 'name'>): Buffer {
  if (kind !== 'listing') return name;
  return Buffer.concat([name, Buffer.from(name.length === 0 ? LISTED_PAGE : `/${LISTED_PAGE}`)]);
}

/** Replicas have the same content, and times of their own: only the tag says which content this is. */
const contentValidators = (etag: string): Validators => ({ etag, modifiedSeconds: Number.NaN, recent: false });
