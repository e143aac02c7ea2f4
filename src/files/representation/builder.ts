import { formatDate } from '../../http/date.js';
import type { Limits } from '../../http/limits.js';
import type { Body, BytesBody, Field, FileBody, StreamBody } from '../../http/response/response.js';
import type { AcceptEncodingCache } from '../../http/semantics/accept-encoding.js';
import { NO_VALIDATORS, type Validators } from '../../http/semantics/preconditions.js';
import { EFBIG } from '../../sys/errno.js';
import type { Kernel } from '../../sys/kernel.js';
import { SharedFd } from '../../sys/shared-fd.js';
import { DESCRIPTOR_BYTES, ENTRY_OVERHEAD_BYTES } from '../cache/entry.js';
import { endsAtSize, MISMATCH, type OpenFile, readFile } from '../resolve/open-file.js';
import { filesOf, isRacy, type Resolved } from '../resolve/resolver.js';
import { isCompressible } from '../rules/media-type.js';
import type { Rules } from '../rules/response-headers.js';
import type { ResolvedSiteOptions } from '../rules/site-options.js';
import { COMPRESSION_MIN_BYTES } from './compress.js';
import type { CompressionQueue } from './compression-queue.js';
import { Compressor } from './compressor.js';
import type { Observe, Uncacheable } from './decisions.js';
import { etagForBytes, etagForCoding } from './etag.js';
import type { EtagHasher } from './etag-hasher.js';
import { pseudoFileStream, readPseudoFile } from './pseudo-file.js';
import { makeRepresentation, mergeFields, type Representation, type RepresentationFields } from './representation.js';
import { Representations } from './representations.js';

/** Larger files are not compressed: that would take a thread a second and more, and the result memory. */
const COMPRESSION_MAX_BYTES = 4_194_304;

/** A listing gets the headers that the index of its directory would get. */
const INDEX = 'index.html';

/** The representations of a file, and why they may not be cached; null if they may. */
export interface Built {
  readonly content: Representations;
  readonly uncacheable: Uncacheable | null;
}

export interface BuilderContext {
  readonly kernel: Kernel;
  readonly limits: Limits;
  readonly acceptEncodings: AcceptEncodingCache;
  readonly etags: EtagHasher;
  readonly compression: CompressionQueue;
  readonly observe: Observe | null;
}

/**
 * Builds the representations of a resolved file:
 *
 * 1. Fields: the media type, the rules' headers, CORS, and Vary where there is a choice.
 * 2. Bodies: files up to `maxCachedFileBytes` are read and their descriptors closed; larger ones keep the descriptor.
 * 3. Validators: by fstat(2), or a hash of the content. The hash of a large file comes later, from `EtagHasher`.
 * 4. Compression on request, by a `Compressor`.
 *
 * Content is cacheable if the file did not change while it was read, fits in the cache, and has an entity tag or can get one.
 */
export class RepresentationBuilder {
  constructor(
    private readonly context: BuilderContext,
    private readonly options: ResolvedSiteOptions,
    private readonly rules: Rules,
  ) {}

  /**
   * Takes over the descriptors.
   * @param resolved of the kind `file`
   * @param overriding fields that replace those of the rules
   * @param onChange called when a representation is added, or has got its entity tag
   * @param keeper of the content, which closes it: the cache, if it is cacheable, else it responds once; the caller, always; or
   *   for a response, none
   * @returns -errno if the file cannot be read
   */
  build(
    found: Resolved,
    overriding: readonly Field[],
    onChange: () => void,
    keeper: 'cache' | 'caller' | 'response' = 'cache',
  ): Built | number {
    const isOwned = keeper === 'caller';
    const { kernel, limits, acceptEncodings, etags, compression, observe } = this.context;
    const file = found.file!;
    const body = file.fileSystem.isPseudo ? MISMATCH : this.bodyOf(file);
    if (typeof body === 'number') {
      for (const each of found.precompressed) kernel.close(each.file.fd);
      if (body === MISMATCH) return this.buildPseudoFile(found, overriding, isOwned);
      kernel.close(file.fd);
      return body;
    }
    const bodies = found.precompressed.map((each) => this.bodyOf(each.file));
    const resolved = bodies.some((each) => typeof each === 'number') ? this.withoutUnreadable(found, bodies) : found;
    const encoded = bodies.filter((each) => typeof each !== 'number');
    const shared = this.fieldsOf(resolved, overriding);
    const common = this.datedFields(file, shared);
    const identity = this.representation('identity', file, body, common);
    const precompressed = resolved.precompressed.map((each, at) =>
      this.representation(each.coding, each.file, encoded[at]!, this.datedFields(each.file, shared)),
    );
    const untagged = [identity, ...precompressed].filter(({ validators }) => validators.etag === '');
    // A small file that changed while it was read is sent from its descriptor, and resolved again next time.
    const wasRead = identity.ok.body.kind === 'bytes' || file.size > limits.maxCachedFileBytes;
    const isStable = !isRacy(resolved) && wasRead;
    // If the hasher is full, content without tags is not cached: its next request may find room.
    const canBeTagged = untagged.length === 0 || isOwned || !etags.isFull;
    const isCacheable = keeper !== 'response' && isStable && canBeTagged && this.fitsAll(resolved);
    const content = new Representations(kernel, acceptEncodings, identity, isCacheable || isOwned, observe);
    content.list.push(...precompressed);
    const openFiles = filesOf(resolved).filter((_, i) => content.list[i]!.ok.body.kind === 'file');
    if (openFiles.length > 0) content.openFiles = openFiles;
    content.isCompressible = this.isCompressible(common, file.size);
    if (isCacheable && content.isCompressible) {
      content.compressor = new Compressor(kernel, compression, content, common, onChange);
    }
    if (isStable && canBeTagged) {
      const owner = isCacheable || isOwned ? content : null;
      for (const representation of untagged) this.requestEtag(representation, owner, common, onChange);
    }
    if (isCacheable) return { content, uncacheable: null };
    if (!isStable) return { content, uncacheable: wasRead ? 'racy' : 'changed while read' };
    if (keeper === 'response') return { content, uncacheable: 'requested once' };
    return { content, uncacheable: canBeTagged ? 'no room' : 'too many files to hash' };
  }

  /** A file whose size and times do not describe its content: as it is now, without validators. */
  private buildPseudoFile(resolved: Resolved, overriding: readonly Field[], isOwned: boolean): Built | number {
    const { kernel, acceptEncodings, observe } = this.context;
    const { fd } = resolved.file!;
    const read = readPseudoFile(kernel, fd);
    if (typeof read === 'number' || read.isWhole || isOwned) kernel.close(fd);
    if (typeof read === 'number') return read;
    if (isOwned && !read.isWhole) return EFBIG; // a stream responds once
    const common = { ...this.fieldsOf(resolved, overriding), varies: false };
    const body: BytesBody | StreamBody = read.isWhole
      ? { kind: 'bytes', bytes: read.bytes }
      : { kind: 'stream', stream: pseudoFileStream(kernel, fd, read.bytes), length: -1, isEndless: false };
    const identity = makeRepresentation('identity', body, NO_VALIDATORS, common);
    identity.ok.transient = !isOwned;
    const content = new Representations(kernel, acceptEncodings, identity, isOwned, observe);
    return { content, uncacheable: 'pseudo-file' };
  }

  /** Closes the precompressed files that cannot be read, or are pseudo-files. */
  private withoutUnreadable(resolved: Resolved, bodies: readonly (Body | number)[]): Resolved {
    const precompressed = resolved.precompressed.filter(({ file }, at) => {
      const isReadable = typeof bodies[at] !== 'number';
      if (!isReadable) this.context.kernel.close(file.fd);
      return isReadable;
    });
    return { ...resolved, precompressed };
  }

  /** Representations of bytes that are not a file's, such as a listing. */
  fromBytes(bytes: Uint8Array, common: RepresentationFields): Representations {
    const { kernel, acceptEncodings, observe } = this.context;
    const validators = contentValidators(etagForBytes(bytes));
    const representation = makeRepresentation('identity', { kind: 'bytes', bytes }, validators, common);
    return new Representations(kernel, acceptEncodings, representation, true, observe);
  }

  /** The fields that all representations share, by the rules and options for the file's name. */
  fieldsOf(
    resolved: Pick<Resolved, 'kind' | 'name' | 'file' | 'precompressed'>,
    overriding: readonly Field[] = [],
  ): RepresentationFields {
    const path = headerPath(resolved);
    const { mediaType, coding } = this.rules.contentOf(`/${path}`);
    const { fields } = this.rules.fieldsFor(`/${path}`, mediaType);
    const all = mergeFields(mergeFields(fields, overriding), this.rules.commonCorsFields);
    const type = all.find(([name]) => name.toLowerCase() === 'content-type');
    const content = { mediaType: type?.[1] ?? mediaType, storedCoding: coding };
    return {
      ...content,
      fields: all.filter((field) => field !== type),
      varies: resolved.precompressed.length > 0 || this.isCompressible(content, resolved.file?.size ?? 0),
    };
  }

  /**
   * The fields of a file whose time is later than the clock have the date of the first response in its place until that
   * time is over, RFC 9110 section 8.8.2.1. To conditions the file is newer than any date meanwhile.
   */
  private datedFields({ validators }: OpenFile, shared: RepresentationFields): RepresentationFields {
    const nowMs = this.context.kernel.wallMs();
    if (this.options.etag !== 'stat' || !(validators.modifiedSeconds * 1000 > nowMs)) return shared; // or NaN
    return { ...shared, fields: mergeFields([['Last-Modified', formatDate(nowMs)]], shared.fields) };
  }

  /** Whether an entry with the content of a file, in memory, has room. */
  fitsCache(size: number): boolean {
    return size <= this.context.limits.maxCachedFileBytes && this.fits(size);
  }

  private fitsAll(resolved: Resolved): boolean {
    const { maxCachedFileBytes } = this.context.limits;
    let bytes = 0;
    for (const { size } of filesOf(resolved)) bytes += size <= maxCachedFileBytes ? size : DESCRIPTOR_BYTES;
    return this.fits(bytes);
  }

  private fits(bytes: number): boolean {
    const { cacheBytes, targetBytes } = this.context.limits;
    return ENTRY_OVERHEAD_BYTES + targetBytes + bytes <= cacheBytes;
  }

  private isCompressible(
    { mediaType, storedCoding }: Pick<RepresentationFields, 'mediaType' | 'storedCoding'>,
    size: number,
  ): boolean {
    const compress = this.options.compress && !storedCoding;
    return compress && size >= COMPRESSION_MIN_BYTES && size <= COMPRESSION_MAX_BYTES && isCompressible(mediaType);
  }

  private representation(
    coding: Representation['coding'],
    file: OpenFile,
    body: BytesBody | FileBody,
    common: RepresentationFields,
  ): Representation {
    const validators = this.validatorsOf(file, body);
    return makeRepresentation(coding, body, { ...validators, etag: etagForCoding(validators.etag, coding) }, common);
  }

  private validatorsOf(file: OpenFile, body: BytesBody | FileBody): Validators {
    if (this.options.etag === 'stat') return file.validators;
    if (body.kind === 'bytes') return contentValidators(etagForBytes(body.bytes));
    // The hash of a racy file may be that of other content with the same times.
    return contentValidators(file.racy ? '' : this.context.etags.find(file.fd, file.size));
  }

  /**
   * Has a large file hashed.
   * @param content null if it responds only once: the tag is for the next request then
   */
  private requestEtag(
    { coding, ok }: Representation,
    content: Representations | null,
    common: RepresentationFields,
    onChange: () => void,
  ) {
    const body = ok.body as FileBody;
    const listener = content && {
      get isClosed() {
        return content.isClosed;
      },
      onEtag(etag: string) {
        content.replace(makeRepresentation(coding, body, contentValidators(etagForCoding(etag, coding)), common));
        onChange();
      },
    };
    this.context.etags.read(body, listener);
  }

  /** The bytes of a small file, whose descriptor is closed; otherwise the descriptor. MISMATCH or -errno leave it open. */
  private bodyOf(file: OpenFile): BytesBody | FileBody | number {
    const { kernel, limits } = this.context;
    if (file.size > limits.maxCachedFileBytes) {
      if (file.fileSystem.hasDoubtfulSizes && !endsAtSize(kernel, file)) return MISMATCH;
    } else {
      const bytes = readFile(kernel, file);
      if (typeof bytes === 'number') return bytes;
      if (bytes !== null) {
        kernel.close(file.fd);
        return { kind: 'bytes', bytes };
      }
    }
    return { kind: 'file', file: new SharedFd(file.fd), offset: 0, length: file.size };
  }
}

/** The path that header rules are matched against, without a leading slash. */
export function headerPath({ kind, name }: Pick<Resolved, 'kind' | 'name'>): Buffer {
  if (kind !== 'listing') return name;
  return Buffer.concat([name, Buffer.from(name.length === 0 ? INDEX : `/${INDEX}`)]);
}

/** Without a date: replicas of a file have the same content and different times. */
const contentValidators = (etag: string): Validators => ({ etag, modifiedSeconds: Number.NaN, recent: false });
