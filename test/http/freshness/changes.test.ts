import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Server, serve } from '../../../src/index.js';
import type { Trigger } from '../../../src/reactor/interest.js';
import { Changer, makeWatchedDirectory, monotonicMs } from '../../support/changer.js';
import { below, seeded } from '../../support/random.js';
import { RawClient, type RawResponse, request, sleep } from '../../support/raw-client.js';
import { type Change, ChangingTree, TARGETS } from './changing-tree.js';
import { contentOf, type State } from './file-tree.js';

/** A change finished this long before a request is sent must be seen. */
const SEEN_WITHIN_MS = 50;
/** Most are seen by the very next request. */
const SEEN_AT_ONCE_SHARE = 0.95;
/** After this many changes there is a pause, so that everything gets cached. */
const REST_EVERY = 20;
const REST_MS = 60;

interface SentRequest {
  readonly target: string;
  readonly tag: string | null;
  readonly sentMs: number;
}

/** The newest changes and states that a fault shows: what led to it rarely comes twice. */
const SHOWN_CHANGES = 40;
const SHOWN_STATES = 5;

/** The states of each target, and until when each was current. */
class History {
  readonly faults: string[] = [];
  private readonly log: string[] = [];
  readonly tags = new Map<string, string>();
  requests = 0;
  notModified = 0;
  private readonly states = new Map<string, { state: State; finishedMs: number }[]>();
  /** Changes in progress: from now on both the old and the new state may be seen. */
  private open: { finishedMs: number }[] = [];
  /** The content that an entity tag was sent with, by target and tag. */
  private readonly contents = new Map<string, string>();

  constructor(private readonly tree: ChangingTree) {
    for (const target of TARGETS) this.states.set(target, [{ state: tree.state(target), finishedMs: 0 }]);
  }

  /** Records a change of the tree; returns the targets whose response changes. */
  begin({ kind, calls }: Change): string[] {
    const paths = calls.flat().filter((part) => typeof part === 'string');
    this.log.push(`${monotonicMs()} ms: ${kind}, ${paths.join(' ')}`);
    const changed: string[] = [];
    for (const [target, states] of this.states) {
      const state = this.tree.state(target);
      if (keyOf(state) === keyOf(states.at(-1)!.state)) continue;
      const entry = { state, finishedMs: Number.POSITIVE_INFINITY };
      states.push(entry);
      this.open.push(entry);
      changed.push(target);
    }
    return changed;
  }

  finish(atMs: number): void {
    this.log.push(`${atMs} ms: finished`);
    for (const entry of this.open.splice(0)) entry.finishedMs = atMs;
  }

  /** Whether the response is the newest; an older one than allowed, or an impossible one, is a fault. */
  judge({ target, tag, sentMs }: SentRequest, response: RawResponse): boolean {
    this.requests++;
    const states = this.states.get(target)!;
    const fits = ({ state }: { state: State }): boolean => this.isOf(state, target, tag, response);
    const known = states.findLastIndex(({ finishedMs }) => finishedMs <= sentMs - SEEN_WITHIN_MS);
    if (!states.slice(Math.max(0, known)).some(fits)) {
      const old = states.findLastIndex(fits);
      const age = old < 0 ? null : Math.round(sentMs - states[old + 1]!.finishedMs);
      const what =
        age === null ? `never was: ${response.head}${response.body.toString('latin1', 0, 60)}` : `${age} ms old`;
      this.faults.push(`${target}: ${what}; it is ${keyOf(states.at(-1)!.state)}`);
      console.error(
        `Sent at ${sentMs} ms, judged at ${monotonicMs()} ms, ${tag}: ${response.head}\n` +
          states
            .slice(-SHOWN_STATES)
            .map(({ state, finishedMs }) => `${finishedMs} ms: ${keyOf(state)}\n`)
            .join('') +
          this.log.slice(-2 * SHOWN_CHANGES).join('\n'),
      );
    }
    if (response.status === 200) this.note(target, response);
    return fits(states.at(-1)!);
  }

  private isOf(state: State, target: string, tag: string | null, response: RawResponse): boolean {
    if (response.status === 304) return state.status === 200 && this.contents.get(`${target} ${tag}`) === keyOf(state);
    if (response.status !== state.status) return false;
    return state.status !== 200 || (response.body.length === state.size && response.body.equals(contentOf(state)));
  }

  /** An entity tag must never be sent with another content. */
  private note(target: string, response: RawResponse): void {
    const tag = response.field('ETag')!;
    const state = this.states.get(target)!.findLast(({ state }) => this.isOf(state, target, null, response))?.state;
    if (state === undefined) return;
    const key = `${target} ${tag}`;
    const content = keyOf(state);
    const before = this.contents.get(key);
    if (before !== undefined && before !== content) this.faults.push(`${key} was of ${before}, and is of ${content}`);
    this.contents.set(key, content);
    this.tags.set(target, tag);
  }
}

/** Equal for equal responses: short contents of two versions may be the same. */
const keyOf = (state: State): string =>
  state.status !== 200
    ? String(state.status)
    : state.size <= 64
      ? `"${contentOf(state).toString('latin1')}"`
      : `${state.label}:${state.size}`;

/** Pipelines several requests; resolves to whether the first response was the newest. */
async function send(client: RawClient, history: History, targets: readonly string[], next: () => number) {
  const sent = targets.map((target) => {
    const tag = next() < 0.3 ? (history.tags.get(target) ?? null) : null;
    return { target, tag, sentMs: monotonicMs() };
  });
  client.send(sent.map(({ target, tag }) => request(target, tag === null ? [] : [`If-None-Match: ${tag}`])).join(''));
  const newest: boolean[] = [];
  for (const each of sent) {
    const response = await client.response();
    if (response.status === 304) history.notModified++;
    newest.push(history.judge(each, response));
  }
  return newest[0]!;
}

describe.each<[Trigger, number]>([
  ['level', 400],
  ['edge', 300],
  ['oneshot', 300],
])('%s', (trigger, changes) => {
  let directory: ReturnType<typeof makeWatchedDirectory>;
  let server: Server;
  let clients: RawClient[];

  beforeAll(async () => {
    directory = makeWatchedDirectory();
    server = serve({ port: 0, root: directory.path, trigger });
    clients = await Promise.all([1, 2, 3, 4].map(() => RawClient.connect(server.port)));
  });

  afterAll(async () => {
    for (const client of clients) client.close();
    await server.stop({ force: true });
    directory[Symbol.dispose]();
  });

  test(`of ${changes} changes none is missed, and no response mixes two versions`, async () => {
    const next = seeded();
    const tree = new ChangingTree(directory.path, next);
    const history = new History(tree);
    await using changer = new Changer();
    const anyOf = (targets: readonly string[], count: number): string[] =>
      Array.from({ length: count }, () => targets[below(next, targets.length)]!);
    let visible = 0;
    let seenAtOnce = 0;
    const kinds = new Map<string, number>();
    for (let made = 0; made < changes; made++) {
      const change = tree.change();
      kinds.set(change.kind, (kinds.get(change.kind) ?? 0) + 1);
      const changed = history.begin(change);
      const steady = TARGETS.filter((target) => !change.torn.includes(target));
      const meanwhile = [clients[0]!, clients[1]!].map((client) => {
        const some = changed.length > 0 && change.torn.length === 0 ? [changed[below(next, changed.length)]!] : [];
        return send(client, history, [...some, ...anyOf(steady, 2)], next);
      });
      const finishedMs = await changer.change(change.calls);
      history.finish(finishedMs);
      const first = changed.length > 0 ? anyOf(changed, 1) : [];
      const [seen] = await Promise.all([
        send(clients[2]!, history, [...first, ...anyOf(TARGETS, 2)], next),
        send(clients[3]!, history, [...anyOf(TARGETS, 2), ...first], next),
        ...meanwhile,
      ]);
      if (changed.length > 0) visible++;
      if (changed.length > 0 && seen) seenAtOnce++;
      if (made % REST_EVERY === 0) {
        await sleep(REST_MS);
        await Promise.all(clients.map((client) => send(client, history, anyOf(TARGETS, 8), next)));
      }
      expect(history.faults).toEqual([]);
    }
    const { hits, inotifyEvents, inotifyOverflows, watches } = server.stats().files!;
    console.log(
      `${trigger}: ${changes} changes (${[...kinds].map(([kind, count]) => `${kind} ${count}`).join(', ')}), ` +
        `${history.requests} requests (${history.notModified} not modified, ${hits} from memory), ` +
        `seen at once ${seenAtOnce} of ${visible}; ${inotifyEvents} events, ${inotifyOverflows} overflows, ${watches} watches`,
    );
    expect(seenAtOnce / visible).toBeGreaterThan(SEEN_AT_ONCE_SHARE);
    expect(server.stats().files).toMatchObject({ invalidation: 'inotify', unwatchedReasons: [] });
  });
});
