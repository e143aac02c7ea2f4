import { constants } from '../sys/binding.js';
import type { ExplainedSite, View } from './explained-site.js';
import { silentName } from './file-system.js';
import type { Story } from './story.js';
import { bytesOf } from './story-of-form.js';

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
  return { ...placeOf(story), ...freshnessOf(site, view!) };
}

function placeOf({ site, composition, outcome }: Story): Pick<Keeping, 'where' | 'why'> {
  const { survey } = site.view!;
  if (survey.kind === 'listing')
    return { where: 'memory', why: 'the entries of the folder, and each form that was asked for' };
  if (survey.kind === 'refused') {
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
  const file = composition?.survey.file ?? null;
  if (file === null) return 'the cache has no room';
  if (file.young) return 'it changed a moment ago, and could change again without its times telling';
  const { cachedFileBytes, cacheBytes } = site.context.limits;
  return file.size <= cachedFileBytes && composition!.content.identity.ok.body.kind === 'file'
    ? 'it changed while it was read'
    : `cacheBytes, ${bytesOf(cacheBytes)}, has no room for it`;
}

function freshnessOf(site: ExplainedSite, { survey }: View): Pick<Keeping, 'changes' | 'how'> {
  const { freshnessMs } = site.context.limits;
  const again = `it is looked at again after ${freshnessMs} ms`;
  if (survey.kind === 'listing') {
    return { changes: 'time', how: `${again}: what stands in a listing changes in other folders too` };
  }
  if (survey.dependencies.areTold) {
    return { changes: 'inotify', how: 'the kernel tells of changes to it, its folder and all on the way' };
  }
  return { changes: 'time', how: `${again}: ${whyUntold(site)}` };
}

function whyUntold({ context: { kernel, watch }, deployment, options, view }: ExplainedSite): string {
  const { root } = deployment.current;
  if (watch.fd < 0) return `there is no inotify (${watch.refusal})`;
  if (root.containment === 'walk') return 'without openat2(2) it is not known what it depends on';
  const silent = silentName(kernel.fstatfs(root.descriptor));
  if (silent !== null) return `the file system is ${silent}, and does not tell of all changes`;
  const { file, sidecars } = view!.survey;
  if ([file, ...sidecars.map((sidecar) => sidecar.file)].some((each) => each?.linked)) {
    return 'the file has other names, hard links, and whoever writes by them is not told of here';
  }
  if (watch.refusal !== null) return `not all folders are watched (${watch.refusal})`;
  if (options.symlinks === 'follow' && view!.links.length > 0)
    return 'a link leads out of the root, and nobody watches there';
  return 'a folder on the way is on a file system that does not tell of all changes';
}

/** Where a root's path leads, links and all followed. */
export function realRoot({ context: { kernel }, deployment }: ExplainedSite): string {
  const path = kernel.readlinkat(constants.AT_FDCWD, `/proc/self/fd/${deployment.current.root.descriptor}`);
  return typeof path === 'number' ? deployment.current.root.path : Buffer.from(path).toString();
}
