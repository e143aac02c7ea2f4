/** Why changes that matter are not told, beside the refusals of a watch: in short, as the server's statistics have it. */
export const HARD_LINKS = 'hard links';
export const ESCAPING_SYMLINK = 'links out of the root';
export const NO_OPENAT2 = 'no openat2';
export const LISTINGS = 'listings';
/** It changed a moment ago, or the cache has no room for it. */
export const TRANSIENT_PAGES = 'pages that are not kept';

const FILE_SYSTEM = 'the file system is ';

/** @param fileSystem its name, or null for one that is not known */
export const unwatchedFilesystem = (fileSystem: string | null): string =>
  `${FILE_SYSTEM}${fileSystem ?? 'unknown'}, and does not tell of all changes`;

const SENTENCES: Readonly<Record<string, string>> = {
  [HARD_LINKS]: 'the file has other names, hard links, and whoever writes by them is not told of here',
  [ESCAPING_SYMLINK]: 'a link leads out of the root, and nobody watches there',
  [NO_OPENAT2]: 'without openat2(2) it is not known what it depends on',
  [LISTINGS]: 'what stands in a listing changes in other folders too',
  [TRANSIENT_PAGES]: 'its page is looked up again for each request',
};

/** The same at length, for who asks about one answer. */
export const unwatchedText = (untold: string): string =>
  SENTENCES[untold] ?? (untold.startsWith(FILE_SYSTEM) ? untold : `not all folders are watched (${untold})`);
