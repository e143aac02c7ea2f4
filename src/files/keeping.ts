import { constants } from '../sys/binding.js';
import type { ExplainedSite, View } from './explained-site.js';
import type { Story } from './story.js';
import { bytesOf } from './story-of-form.js';
import { isYoung } from './survey.js';
import { whyUntold } from './untold.js';

/** What of an answer stays, and how it is learnt that it no longer holds. */
export interface Keeping {
  readonly where: 'memory' | 'descriptor' | 'nowhere';
  readonly why: string;
  /** How changes are learnt of: told by the kernel, looked for, or nothing that could change is kept. */
  readonly changes: 'inotify' | 'time' | 'none';
  readonly how: string;
}

export function keepingOf(story: Story): Keeping {
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

function placeOf({ site, composition, outcome }: Story): Pick<Keeping, 'where' | 'why'> {
  const { survey } = site.view!;
  if (outcome === 'listing')
    return { where: 'memory', why: 'the entries of the folder, and each form that was asked for' };
  if (survey.kind === 'refused' || survey.kind === 'listing') {
    return {
      where: 'memory',
      why: outcome === 'fallback' ? 'that there is no file, and the fallback' : 'that there is none',
    };
  }
  if (composition === null) return { where: 'memory', why: 'where it leads' };
  const { cachedFileBytes } = site.context.limits;
  return composition.content.identity.ok.body.kind === 'file'
    ? {
        where: 'descriptor',
        why: `it is larger than cachedFileBytes, ${bytesOf(cachedFileBytes)}, and sent by sendfile`,
      }
    : { where: 'memory', why: `it is no larger than cachedFileBytes, ${bytesOf(cachedFileBytes)}` };
}

function whyNot({ site, composition, response, outcome }: Story): string {
  if (outcome === 'redirect') {
    return site.view === null ? 'a rule answers without a file' : 'the folder is kept by its own address';
  }
  if (site.view === null) return 'the path names nothing';
  if (response.status >= 500) return 'it may pass, and nobody would tell';
  const survey = composition?.survey;
  if (!survey?.file) return 'the cache has no room';
  if (isYoung(survey)) return 'it changed a moment ago, and could change again without its times telling';
  const { cachedFileBytes, cacheBytes } = site.context.limits;
  return survey.file.size <= cachedFileBytes && composition!.content.identity.ok.body.kind === 'file'
    ? 'it changed while it was read'
    : `cacheBytes, ${bytesOf(cacheBytes)}, has no room for it`;
}

function changesOf({ context }: ExplainedSite, { survey }: View): Pick<Keeping, 'changes' | 'how'> {
  const { limits, watch } = context;
  const { areTold, untold } = survey.dependencies;
  if (areTold) return { changes: 'inotify', how: 'the kernel tells of changes to it, its folder and all on the way' };
  const why = watch.fd < 0 ? `there is no inotify (${watch.refusal})` : whyUntold(untold ?? '');
  return { changes: 'time', how: `it is looked at again after ${limits.freshnessMs} ms: ${why}` };
}

/** Where a root's path leads, links and all followed. */
export function realRoot({ context: { kernel }, deployment }: ExplainedSite): string {
  const path = kernel.readlinkat(constants.AT_FDCWD, `/proc/self/fd/${deployment.current.root.descriptor}`);
  return typeof path === 'number' ? deployment.current.root.path : Buffer.from(path).toString();
}
