/**
 * The canonical form of a path, in which paths are compared: without empty segments, and percent-encoded except for the
 * unreserved characters (RFC 3986 section 2.3) and `!'()*`. An encoded slash stays encoded.
 * @param path as received, one character per byte
 * @returns null for an invalid escape
 */
export function canonicalPath(path: string): string | null {
  if (/%(?![0-9A-Fa-f]{2})/.test(path)) return null;
  return path
    .replace(/\/{2,}/g, '/')
    .replace(/%([0-9A-Fa-f]{2})|[^A-Za-z0-9\-._~!'()*/]/g, (character, hex: string | undefined) => {
      if (hex === undefined) return canonicalOf(character);
      const decoded = String.fromCharCode(Number.parseInt(hex, 16));
      return /[A-Za-z0-9\-._~!'()*]/.test(decoded) ? decoded : canonicalOf(decoded);
    });
}

export const canonicalOf = (byte: string): string =>
  `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;

export const hasDotSegment = (path: string): boolean => /(?:^|\/)\.{1,2}(?:\/|$)/.test(path);
