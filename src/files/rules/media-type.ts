import { COMPRESSIBLE_TYPES, MEDIA_TYPES } from './media-type-table.js';

const UNKNOWN = 'application/octet-stream';

/** Compressible types of files on sites for which mime-db has no entry. */
const MORE_COMPRESSIBLE = [
  'application/node',
  'application/sql',
  'application/x-ndjson',
  'application/yaml',
  'font/collection',
  'model/mtl',
  'model/obj',
];

let types: Map<string, string> | null = null;
let compressible: Set<string> | null = null;

/** The media type of a file name extension in lower case, without its dot; undefined if mime-db has none. */
export function typeOfExtension(extension: string): string | undefined {
  types ??= new Map(
    MEDIA_TYPES.trim()
      .split('\n')
      .flatMap((line) => {
        const [type, ...extensions] = line.split(' ');
        return extensions.map((each) => [each, type!.replace(';', '; ')] as const);
      }),
  );
  return types.get(extension);
}

/**
 * The media type of a file by its extension, from mime-db, with `charset=utf-8` for text. For an unknown extension it is
 * application/octet-stream, so that browsers do not sniff.
 */
export function mediaTypeOf(name: Uint8Array): string {
  const text = Buffer.from(name.buffer, name.byteOffset, name.length).toString('latin1');
  const dot = text.lastIndexOf('.');
  if (dot < text.lastIndexOf('/') + 1) return UNKNOWN;
  return typeOfExtension(text.slice(dot + 1).toLowerCase()) ?? UNKNOWN;
}

/** Whether a type without parameters is text by its name, RFC 6838 section 4.2.8 for the suffixes. */
export const isTextType = (type: string): boolean => type.startsWith('text/') || /\+(?:json|xml|text|yaml)$/.test(type);

/** Whether files of a media type, with or without parameters, are worth an attempt to compress them. */
export function isCompressible(mediaType: string): boolean {
  const semicolon = mediaType.indexOf(';');
  const type = (semicolon < 0 ? mediaType : mediaType.slice(0, semicolon)).trim().toLowerCase();
  // The type of unknown files: as often an archive or a disk image as not, whatever mime-db has.
  if (type === UNKNOWN) return false;
  compressible ??= new Set([...COMPRESSIBLE_TYPES.trim().split('\n'), ...MORE_COMPRESSIBLE]);
  return isTextType(type) || compressible.has(type);
}
