import { isRacy } from '../files/resolve/resolver.js';
import { unwatchedText } from '../files/watch/unwatched.js';
import { constants } from '../sys/binding.js';
import type { RecordingSite, View } from './recording-site.js';
import { bytesOf } from './representation-trace.js';
import type { Trace } from './trace.js';

/** What of an answer stays, and how it is learnt that it no longer holds. */
export interface CacheReason {
  readonly where: 'memory' | 'descriptor' | 'nowhere';
  readonly why: string;
  /** How changes are learnt of: told by the kernel, looked for, or nothing that could change is kept. */
  readonly changes: 'inotify' | 'time' | 'none';
  readonly how: string;
}

export function cacheReason(story: Trace): CacheReason {
  const { site, request, outcome } = story;
  const { bytes, pathStart, pathEnd, pathHash } = request;
  const kept =
    outcome === 'listing'
      ? site.listings.find(site.view!.survey.name)
      : site.cache.find(bytes, pathStart, pathEnd, pathHash);
  if (kept === null)
    return { where: 'nowhere', why: whyNot(story), changes: 'none', how: 'it is made anew for each request' };
  const { view } = site;
  return { ...placeOf(story), ...changesOf(site, view!) };
}

function placeOf({ site, composition, outcome }: Trace): Pick<CacheReason, 'where' | 'why'> {
  const { survey } = site.view!;
  if (outcome === 'listing')
    return { where: 'memory', why: 'the entries of the folder, and each form that was asked for' };
  if (survey.kind === 'not-found' || survey.kind === 'listing') {
    return {
      where: 'memory',
      why: outcome === 'fallback' ? 'that there is no file, and the fallback' : 'that there is none',
    };
  }
  if (composition === null) return { where: 'memory', why: 'where it leads' };
  const { maxCachedFileBytes } = site.context.limits;
  return composition.content.identity.ok.body.kind === 'file'
    ? {
        where: 'descriptor',
        why: `it is larger than maxCachedFileBytes, ${bytesOf(maxCachedFileBytes)}, and sent by sendfile`,
      }
    : { where: 'memory', why: `it is no larger than maxCachedFileBytes, ${bytesOf(maxCachedFileBytes)}` };
}

function whyNot({ site, composition, response, outcome }: Trace): string {
  if (outcome === 'redirect') {
    return site.view === null ? 'a rule answers without a file' : 'the folder is kept by its own address';
  }
  if (site.view === null) return 'the path names nothing';
  if (response.status >= 500) return 'it may pass, and nobody would tell';
  const survey = composition?.survey;
  if (!survey?.file) return 'the cache has no room';
  if (isRacy(survey)) return 'it changed a moment ago, and could change again without its times telling';
  const { maxCachedFileBytes, cacheBytes } = site.context.limits;
  return survey.file.size <= maxCachedFileBytes && composition!.content.identity.ok.body.kind === 'file'
    ? 'it changed while it was read'
    : `cacheBytes, ${bytesOf(cacheBytes)}, has no room for it`;
}

function changesOf({ context }: RecordingSite, { survey }: View): Pick<CacheReason, 'changes' | 'how'> {
  const { limits, inotify } = context;
  const { areWatched, unwatchedReason } = survey.dependencies;
  if (areWatched)
    return { changes: 'inotify', how: 'the kernel tells of changes to it, its folder and all on the way' };
  const why = inotify.fd < 0 ? `there is no inotify (${inotify.watchError})` : unwatchedText(unwatchedReason ?? '');
  return { changes: 'time', how: `it is looked at again after ${limits.revalidateMs} ms: ${why}` };
}

/** Where a root's path leads, links and all followed. */
export function realRoot({ context: { kernel }, releaseRoot }: RecordingSite): string {
  const path = kernel.readlinkat(constants.AT_FDCWD, `/proc/self/fd/${releaseRoot.current.root.descriptor}`);
  return typeof path === 'number' ? releaseRoot.current.root.path : Buffer.from(path).toString();
}
