import { unwatchedText } from '../files/watch/unwatched.js';
import { bytesText, type Trace } from './trace.js';

/** What of a response is cached, and how its changes are detected. */
export interface CacheReason {
  readonly location: 'memory' | 'descriptor' | 'none';
  readonly reason: string;
  /** How changes are detected: reported by inotify, polled, or not at all since nothing is cached. */
  readonly invalidation: 'inotify' | 'ttl' | 'none';
  readonly detail: string;
}

export function cacheReason(trace: Trace): CacheReason {
  const { site, request, outcome, recorder } = trace;
  const { resolution } = recorder.decisions;
  const { bytes, pathStart, pathEnd, pathHash } = request;
  const entry =
    outcome === 'listing'
      ? site.listings.find(resolution!.resolved.name)
      : site.cache.find(bytes, pathStart, pathEnd, pathHash);
  if (entry === null)
    return { location: 'none', reason: uncachedReason(trace), invalidation: 'none', detail: 'made for each request' };
  const isFile = recorder.decisions.file?.identity.ok.body.kind === 'file';
  return { location: isFile ? 'descriptor' : 'memory', reason: cachedReason(trace), ...invalidationOf(trace) };
}

function cachedReason({ site, recorder, outcome }: Trace): string {
  const { file, resolution } = recorder.decisions;
  const { kind } = resolution!.resolved;
  if (outcome === 'listing') return 'the entries of the directory, and each representation that was requested';
  if (kind === 'not-found' || kind === 'listing' || recorder.decisions.readErrno !== undefined)
    return outcome === 'fallback' ? 'the absence of a file, and the fallback' : 'the absence of a file';
  if (file === undefined) return 'the redirect';
  const limit = `maxCachedFileBytes, ${bytesText(site.context.limits.maxCachedFileBytes)}`;
  if (file.identity.ok.body.kind === 'file') return `it is larger than ${limit}, and sent by sendfile`;
  return `it is not larger than ${limit}`;
}

function uncachedReason({ site, recorder, response, outcome }: Trace): string {
  const { file, resolution } = recorder.decisions;
  if (outcome === 'redirect')
    return resolution === undefined ? 'a rule responds without a file' : 'the directory is cached by its own path';
  if (resolution === undefined) return 'the path cannot name a file';
  if (response.status >= 500) return 'the error may pass, and no event reports that';
  switch (file?.uncacheable) {
    case 'racy':
      return 'it changed a moment ago, and could change again with the same times';
    case 'pseudo-file':
      return 'its size and times do not describe its content: it is read for each request';
    case 'changed while read':
      return 'it changed while it was read';
    case 'too many files to hash':
      return 'too many files wait for their hash';
    default:
      return `cacheBytes, ${bytesText(site.context.limits.cacheBytes)}, has no room for it`;
  }
}

function invalidationOf({ site, recorder }: Trace): Pick<CacheReason, 'invalidation' | 'detail'> {
  const { limits, inotify } = site.context;
  const { areWatched, unwatchedReason } = recorder.decisions.resolution!.resolved.dependencies;
  if (areWatched) return { invalidation: 'inotify', detail: 'changes on its path, down to the file, are reported' };
  const reason = inotify.fd < 0 ? `there is no inotify (${inotify.watchError})` : unwatchedText(unwatchedReason ?? '');
  return { invalidation: 'ttl', detail: `revalidated after ${limits.revalidateMs} ms: ${reason}` };
}
