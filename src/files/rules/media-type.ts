import mime from 'mime-types';

const UNKNOWN = 'application/octet-stream';
const types = new Map<string, string>();

/**
 * The media type of a file by its extension, from mime-db, with `charset=utf-8` for text. For an unknown extension it is
 * application/octet-stream, so that browsers do not sniff.
 */
export function mediaTypeOf(name: Uint8Array): string {
  const text = Buffer.from(name.buffer, name.byteOffset, name.length).toString('latin1');
  const dot = text.lastIndexOf('.');
  if (dot < text.lastIndexOf('/') + 1) return UNKNOWN;
  const extension = text.slice(dot + 1).toLowerCase();
  let type = types.get(extension);
  if (type === undefined) {
    type = mime.contentType(`.${extension}`) || UNKNOWN;
    if (types.size < 1000) types.set(extension, type);
  }
  return type;
}
