import { FieldId } from '../../http/headers.js';
import type { RequestParser } from '../../http/request/parser.js';
import type { FileHead } from '../../http/response/file-head.js';
import { HeadBytes, JoinedBody } from '../../http/response/head-bytes.js';
import type { HttpResponse } from '../../http/response/response.js';
import { LONGEST_BYTES, Slab } from '../../http/response/slab.js';
import { CODINGS, PRECOMPRESSED_SUFFIXES } from '../../http/semantics/accept-encoding.js';
import { CONDITIONAL_FIELDS } from '../../http/semantics/preconditions.js';
import { HASH_MULTIPLIER, HASH_SEED, latin1 } from '../../http/text.js';
import { constants } from '../../sys/binding.js';
import { EINVAL, ENOENT } from '../../sys/errno.js';
import { OPEN_FD, OPEN_READ_WORDS, Stat } from '../../sys/kernel.js';
import { SharedFd } from '../../sys/shared-fd.js';
import type { CacheContent } from '../cache/entry.js';
import { FINGERPRINT_BYTES, writeStatFingerprint } from '../resolve/fingerprint.js';
import { EPOCH_SECONDS } from '../resolve/open-file.js';
import { PlainDirectories } from '../resolve/plain-directories.js';
import type { Release } from '../resolve/release-root.js';
import type { Rules } from '../rules/response-headers.js';
import type { ResolvedSiteOptions } from '../rules/site-options.js';
import { Dependencies } from '../watch/dependencies.js';
import type { BuilderContext, RepresentationBuilder } from './builder.js';
import { FileHeads, HEAD_BYTES_MAX } from './file-heads.js';
import { FileResponse } from './file-response.js';
import { PreparedFile } from './prepared-file.js';
import { modifiedLine } from './representation.js';
import type { Representations } from './representations.js';

const { O_PATH, S_IFMT, S_IFREG } = constants;

const SLASH = 0x2f;
const DOT = 0x2e;
const PERCENT = 0x25;
const ASCII_MAX = 0x7f;
const INDEX = Buffer.from('index.html');

/** Longer files are admitted in the usual way: the calls are the least of what they cost. */
const ADMITTED_BYTES_MAX = 65_536;
const SUFFIXES = CODINGS.map((coding) => Buffer.from(PRECOMPRESSED_SUFFIXES[coding]));

/** Requests with these have another response than the whole file. */
const SELECTING_FIELDS = CONDITIONAL_FIELDS | (1 << FieldId.range);

const stat = new Float64Array(OPEN_READ_WORDS);
/** The fingerprint of `stat`. */
const tag = Buffer.alloc(FINGERPRINT_BYTES);
let tagBytes = 0;
const NO_DATE = Buffer.alloc(0);
const slab = new Slab();
/** For what is admitted to a cache, until it is copied. */
let admitted: Buffer | null = null;

/** A file that was opened; read and closed, if there was room for it. */
interface ColdFile {
  /** In memory that others use after this request. With the content behind it, if it was read. */
  readonly headBytes: HeadBytes;
  readonly size: number;
  /** The caller's; -1 if the file was read. */
  readonly fd: number;
}

/** What a cache entry is made of. */
export interface AdmittedFile {
  readonly content: CacheContent;
  readonly plainResponse: HttpResponse;
  readonly relevantFields: number;
  /** Below the root. */
  readonly fileName: string;
  readonly fingerprint: string;
  readonly dependencies: Dependencies;
}

/**
 * Responds with files that are sent once, and makes nothing else of them: no cache entry, no representations, no dependencies. In
 * a directory that is known to be plain this is a stat(2) of the directory and one native call, which opens, reads and closes
 * the file. What is admitted to the cache is read in the same way (`admit`), in a directory that is watched.
 *
 * The responses are those of a RepresentationBuilder, byte for byte. It is for the usual case: a GET or HEAD of a
 * regular file by a plain path, without symlinks, mounts, conditions, ranges and codings. In any other, and whenever something is
 * unusual about the file, the result is null, and the request takes the way of all.
 */
export class ColdFiles {
  private readonly heads: FileHeads;
  private directories: PlainDirectories | null = null;
  private release: Release | null = null;
  private readonly path = Buffer.alloc(4096);
  // The request's path: bytes from `start`, a slash, to before `end`, with the file's last name from `nameStart`.
  private bytes: Uint8Array = this.path;
  private start = 0;
  private nameStart = 0;
  private end = 0;
  private directoryHash = 0;
  /** It is that of a directory, with the name of its index behind it. */
  private isDirectory = false;

  constructor(
    private readonly context: BuilderContext,
    private readonly options: ResolvedSiteOptions,
    rules: Rules,
    private readonly builder: RepresentationBuilder,
  ) {
    this.heads = new FileHeads(options, rules, builder);
  }

  /** Returns ENOENT if there is certainly no such file; null if the request must be responded to in the usual way. */
  respond(request: RequestParser, release: Release): HttpResponse | typeof ENOENT | null {
    if ((request.presentMask & SELECTING_FIELDS) !== 0) return null;
    const head = this.parse(request, release);
    if (head === null) return null;
    const { isDirectory } = this;
    const nowMs = this.context.kernel.wallMs();
    if (!this.isPlain(release, nowMs)) {
      const errno = this.look(release, this.bytes.subarray(this.start + 1, this.end));
      if (errno !== 0) return errno === ENOENT && !isDirectory ? ENOENT : null;
    }
    const bodyAt = slab.reserve(LONGEST_BYTES) + head.maxBytes;
    const file = this.read(release, head, nowMs, slab.memory, bodyAt, LONGEST_BYTES - head.maxBytes);
    if (typeof file === 'number') return isDirectory ? null : ENOENT;
    if (file === null) return null;
    slab.keep(file.headBytes.bytes);
    const { size, headBytes, fd } = file;
    const shared = fd < 0 ? null : new SharedFd(fd);
    const body =
      shared === null ? new JoinedBody(headBytes) : ({ kind: 'file', file: shared, offset: 0, length: size } as const);
    const response = new FileResponse(head, headBytes, stat[Stat.mtimeSeconds]!, body, size);
    response.transient = true;
    response.ownedFile = shared;
    return response;
  }

  /**
   * What becomes the entry of the request's path. Its directory is watched before the file is opened, so that no change is missed.
   * @param contentOf that of the file by another path, if it has that fingerprint
   * @returns null if it must be resolved and built in the usual way
   */
  admit(
    request: RequestParser,
    release: Release,
    contentOf: (fileName: string, fingerprint: string) => Representations | null,
  ): AdmittedFile | null {
    const head = this.parse(request, release);
    if (head === null) return null;
    const { bytes, start, nameStart, end } = this;
    const directories = this.directoriesOf(release);
    const directory = directories.watched(bytes, start + 1, this.directoryEnd, this.directoryHash);
    if (directory === null) return null;
    const nowMs = this.context.kernel.wallMs();
    if (!this.isPlain(release, nowMs)) return null;
    admitted ??= Buffer.allocUnsafeSlow(HEAD_BYTES_MAX + ADMITTED_BYTES_MAX + 1);
    const file = this.read(release, head, nowMs, admitted, HEAD_BYTES_MAX, ADMITTED_BYTES_MAX + 1);
    if (file === null || typeof file === 'number') return null;
    const { size, fd } = file;
    // Writes by a name in another directory are not reported.
    if (fd >= 0 || stat[Stat.links]! > 1 || !this.builder.fitsCache(size)) {
      if (fd >= 0) this.context.kernel.close(fd);
      return null;
    }
    const fileName = latin1(bytes, start + 1, end);
    const fingerprint = tag.toString('latin1', 0, tagBytes);
    const dependencies = Dependencies.ofName(directory, latin1(bytes, nameStart, end));
    const shared = contentOf(fileName, fingerprint);
    if (shared !== null) {
      const { relevantFields, identity } = shared;
      return { content: shared, plainResponse: identity.ok, relevantFields, fileName, fingerprint, dependencies };
    }
    const content = this.prepare(head, file);
    const { ok, relevantFields } = content;
    return { content, plainResponse: ok, relevantFields, fileName, fingerprint, dependencies };
  }

  private prepare(head: FileHead, { headBytes, size }: ColdFile): PreparedFile {
    const bytes = Buffer.allocUnsafeSlow(headBytes.length);
    bytes.set(headBytes.bytes);
    const own = new HeadBytes(bytes, headBytes.headBytes, head.dateAt);
    const ok = new FileResponse(head, own, stat[Stat.mtimeSeconds]!, new JoinedBody(own), size);
    return new PreparedFile(this.context, ok, head.fieldBytes);
  }

  /** Returns the head of the file, by its path; null for a path or a file that is not usual. */
  private parse(request: RequestParser, release: Release): FileHead | null {
    if (this.options.etag !== 'stat' || release.root.pathResolution !== 'openat2') return null;
    let { bytes, pathStart: start, pathEnd: end } = request;
    if (start === end) return null;
    const isDirectory = bytes[end - 1] === SLASH;
    if (isDirectory) {
      if (end - start + INDEX.length > this.path.length) return null;
      this.path.set(bytes.subarray(start, end));
      this.path.set(INDEX, end - start);
      [bytes, start, end] = [this.path, 0, end - start + INDEX.length];
    }
    // One pass over the path: where its last name and its extension start, and the hash of the directory.
    let nameStart = start + 1;
    let dot = -1;
    let hash = HASH_SEED;
    let directoryHash = hash;
    for (let at = start; at < end; at++) {
      const byte = bytes[at]!;
      if (byte === SLASH) {
        const next = bytes[at + 1];
        if (next === SLASH || next === DOT || at + 1 === end) return null;
        nameStart = at + 1;
        directoryHash = hash;
        dot = -1;
      } else if (byte === DOT) dot = at;
      else if (byte === PERCENT || byte > ASCII_MAX) return null;
      hash = Math.imul(hash ^ byte, HASH_MULTIPLIER);
    }
    this.bytes = bytes;
    this.start = start;
    this.nameStart = nameStart;
    this.end = end;
    this.directoryHash = directoryHash;
    this.isDirectory = isDirectory;
    return this.heads.of(bytes, start, dot, end, isDirectory);
  }

  private get directoryEnd(): number {
    return Math.max(this.start + 1, this.nameStart - 1);
  }

  private isPlain(release: Release, nowMs: number): boolean {
    const { bytes, start, end, directoryHash } = this;
    const directories = this.directoriesOf(release);
    return directories.isPlain(bytes, start + 1, this.directoryEnd, end, directoryHash, nowMs);
  }

  private directoriesOf(release: Release): PlainDirectories {
    if (this.release !== release || this.directories === null) {
      this.release = release;
      this.directories = new PlainDirectories(this.context.kernel, release, this.options.precompressed);
    }
    return this.directories;
  }

  /** 0 for a regular file without precompressed files next to it; -errno of the first; otherwise EINVAL. Opens nothing. */
  private look(release: Release, name: Uint8Array): number {
    const { kernel } = this.context;
    const { root } = release;
    const fd = root.openInMount(name, O_PATH);
    if (fd < 0) return fd;
    const errno = kernel.fstat(fd, stat);
    kernel.close(fd);
    if (errno < 0 || (stat[Stat.mode]! & S_IFMT) !== S_IFREG) return EINVAL;
    if (!this.options.precompressed) return 0;
    for (const suffix of SUFFIXES) {
      const encoded = root.openInMount(Buffer.concat([name, suffix]), O_PATH);
      if (encoded >= 0) kernel.close(encoded);
      if (encoded !== ENOENT) return EINVAL;
    }
    return 0;
  }

  /**
   * @param memory in which the head comes before `bodyAt`, and the content behind it
   * @param room for the content, which is read if it is shorter
   */
  private read(
    release: Release,
    head: FileHead,
    nowMs: number,
    memory: Buffer,
    bodyAt: number,
    room: number,
  ): ColdFile | typeof ENOENT | null {
    const { bytes, start, end } = this;
    const count = release.root.openRead(bytes, start + 1, end, memory, bodyAt, room, stat);
    if (count < 0) return count === ENOENT ? ENOENT : null;
    const fd = stat[OPEN_FD]!;
    const size = stat[Stat.size]!;
    const fileSystem = release.lookup.fileSystemOf(stat, nowMs);
    const seconds = stat[Stat.mtimeSeconds]!;
    const isUsual =
      fileSystem !== null &&
      !fileSystem.isPseudo &&
      !fileSystem.hasRacyTimes(stat, nowMs) &&
      (seconds + 1) * 1000 <= nowMs &&
      (fd < 0 ? count === size : !fileSystem.hasDoubtfulSizes);
    if (!isUsual) {
      if (fd >= 0) this.context.kernel.close(fd);
      return null;
    }
    tagBytes = writeStatFingerprint(stat, tag);
    const modified = seconds > EPOCH_SECONDS ? modifiedLine(seconds) : NO_DATE;
    const headStart = head.write(memory, bodyAt, tag, tagBytes, modified, size);
    const all = memory.subarray(headStart, fd < 0 ? bodyAt + size : bodyAt);
    return { headBytes: new HeadBytes(all, bodyAt - headStart, head.dateAt), size, fd };
  }
}
