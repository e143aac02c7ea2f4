import { join } from 'node:path';
import type { MissingFallback } from '../files/pages/fallback.js';
import { DIRECTORY } from '../files/resolve/open-file.js';
import { EACCES, ELOOP, ENOENT, ENOTDIR, EXDEV, systemError } from '../sys/errno.js';

/** Why a fallback cannot be sent, and what to do about it, in one sentence. */
export function missingSentence({ root, name, errno }: MissingFallback): string {
  const path = join(root, name);
  switch (errno) {
    case DIRECTORY:
      return `The fallback ${path} is a folder; give --fallback a file, such as ${join(name, 'index.html')}.`;
    case ENOENT:
    case ENOTDIR:
      return `The fallback ${path} does not exist; put it there, or give --fallback another file.`;
    case EXDEV:
      return `The fallback ${path} is behind a link that leads out of the root; put the file itself there, or give --symlinks follow.`;
    case ELOOP:
      return `The fallback ${path} is behind a link that is not followed; put the file itself there.`;
    case EACCES:
      return `The fallback ${path} may not be read by this user; change its permissions or the user.`;
    default:
      return `The fallback ${path} cannot be opened (${systemError('', errno).code}); give --fallback another file.`;
  }
}
