import { CODINGS, type ContentCoding, PRECOMPRESSED_SUFFIXES } from '../../http/semantics/accept-encoding.js';
import { compileGlob, type Glob } from './glob.js';
import { mediaTypeOf } from './media-type.js';

/** What a file contains: the type of what it decodes to, and the coding in which it is stored under its own name. */
export interface StoredContent {
  readonly mediaType: string;
  readonly coding: ContentCoding | null;
}

/** SVG 1.1 section 1.2: a compressed file, which is sent with its coding. */
const SVGZ = /\.svgz$/i;

/** Whether a name is that of a file in a content coding by its format. */
export const isEncodedFormat = (name: Buffer): boolean => SVGZ.test(name.toString('latin1'));

/** Finds the files that are stored in a content coding and requested by the name of this form: `game.wasm.br`, `map.svgz`. */
export class StoredCodings {
  private readonly globs: readonly Glob[];

  /** @param patterns globs of files whose suffix is that of a precompressed file */
  constructor(patterns: readonly string[]) {
    this.globs = patterns.map(compileGlob);
  }

  /** @param path of a file from the root, with its leading slash */
  contentOf(path: string): StoredContent {
    if (SVGZ.test(path)) return { mediaType: typeOf(path.slice(0, -1)), coding: 'gzip' };
    const coding = CODINGS.find((each) => path.endsWith(PRECOMPRESSED_SUFFIXES[each]));
    if (coding === undefined || !this.globs.some((glob) => glob(path)))
      return { mediaType: typeOf(path), coding: null };
    return { mediaType: typeOf(path.slice(0, -PRECOMPRESSED_SUFFIXES[coding].length)), coding };
  }
}

const typeOf = (path: string): string => mediaTypeOf(Buffer.from(path));
