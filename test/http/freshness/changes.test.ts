import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Server, serve } from '../../../src/index.js';
import type { Trigger } from '../../../src/reactor/interest.js';
import { Changer, monotonicMs, tellingFolder } from '../../support/changer.js';
import { ChangingTree, TARGETS } from '../../support/changing-tree.js';
import { contentOf, type State } from '../../support/file-tree.js';
import { below, seeded } from '../../support/random.js';
import { RawClient, type RawResponse, request, sleep } from '../../support/raw-client.js';

/** A change that was finished so long before a request was sent must be seen. */
const SEEN_WITHIN_MS = 50;
/** Most are seen at once: by the next request. */
const SEEN_AT_ONCE_SHARE = 0.95;
/** After so many changes nothing happens for a while, so that everything is kept. */
const REST_EVERY = 20;
const REST_MS = 60;

interface Asked {
  readonly target: string;
  readonly tag: string | null;
  readonly sentMs: number;
}

/** What each address was, and until when. */
class History {
  readonly faults: string[] = [];
  readonly tags = new Map<string, string>();
  requests = 0;
  notModified = 0;
  private readonly states = new Map<string, { state: State; finishedMs: number }[]>();
  /** What is about to change has changed, from this moment on, for all that anybody knows. */
  private open: { finishedMs: number }[] = [];
  /** What an entity tag was sent with, by address and tag. */
  private readonly contents = new Map<string, string>();

  constructor(private readonly tree: ChangingTree) {
    for (const target of TARGETS) this.states.set(target, [{ state: tree.state(target), finishedMs: 0 }]);
  }

  /** The tree has changed: returns the addresses that answer otherwise now. */
  begin(): string[] {
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
    for (const entry of this.open.splice(0)) entry.finishedMs = atMs;
  }

  /** Whether the answer is the newest; one that is too old, or never was, is a fault. */
  judge({ target, tag, sentMs }: Asked, response: RawResponse): boolean {
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
    }
    if (response.status === 200) this.note(target, response);
    return fits(states.at(-1)!);
  }

  private isOf(state: State, target: string, tag: string | null, response: RawResponse): boolean {
    if (response.status === 304) return state.status === 200 && this.contents.get(`${target} ${tag}`) === keyOf(state);
    if (response.status !== state.status) return false;
    return state.status !== 200 || (response.body.length === state.size && response.body.equals(contentOf(state)));
  }

  /** An entity tag stands for one content for ever. */
  private note(target: string, response: RawResponse): void {
    const tag = response.field('ETag')!;
    const state = this.states.get(target)!.findLast(({ state }) => this.isOf(state, target, null, response))?.state;
    if (state === undefined) return;
    const place = `${target} ${tag}`;
    const content = keyOf(state);
    const before = this.contents.get(place);
    if (before !== undefined && before !== content) this.faults.push(`${place} was of ${before}, and is of ${content}`);
    this.contents.set(place, content);
    this.tags.set(target, tag);
  }
}

/** The same for the same answer: short contents of two versions may be equal. */
const keyOf = (state: State): string =>
  state.status !== 200
    ? String(state.status)
    : state.size <= 64
      ? `"${contentOf(state).toString('latin1')}"`
      : `${state.label}:${state.size}`;

/** Asks for several things at once on a kept connection; resolves to whether the first answer was the newest. */
async function ask(client: RawClient, history: History, targets: readonly string[], next: () => number) {
  const asked = targets.map((target) => {
    const tag = next() < 0.3 ? (history.tags.get(target) ?? null) : null;
    return { target, tag, sentMs: monotonicMs() };
  });
  client.send(asked.map(({ target, tag }) => request(target, tag === null ? [] : [`If-None-Match: ${tag}`])).join(''));
  const newest: boolean[] = [];
  for (const each of asked) {
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
  let directory: ReturnType<typeof tellingFolder>;
  let server: Server;
  let clients: RawClient[];

  beforeAll(async () => {
    directory = tellingFolder();
    server = serve({ port: 0, root: directory.path, trigger });
    clients = await Promise.all([1, 2, 3, 4].map(() => RawClient.connect(server.port)));
  });

  afterAll(async () => {
    for (const client of clients) client.close();
    await server.stop({ force: true });
    directory[Symbol.dispose]();
  });

  test(`of ${changes} changes none is missed, and no answer is of two versions`, async () => {
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
      kinds.set(change.what, (kinds.get(change.what) ?? 0) + 1);
      const changed = history.begin();
      const steady = TARGETS.filter((target) => !change.torn.includes(target));
      const meanwhile = [clients[0]!, clients[1]!].map((client) => {
        const some = changed.length > 0 && change.torn.length === 0 ? [changed[below(next, changed.length)]!] : [];
        return ask(client, history, [...some, ...anyOf(steady, 2)], next);
      });
      const finishedMs = await changer.change(change.calls);
      history.finish(finishedMs);
      const first = changed.length > 0 ? anyOf(changed, 1) : [];
      const [seen] = await Promise.all([
        ask(clients[2]!, history, [...first, ...anyOf(TARGETS, 2)], next),
        ask(clients[3]!, history, [...anyOf(TARGETS, 2), ...first], next),
        ...meanwhile,
      ]);
      if (changed.length > 0) visible++;
      if (changed.length > 0 && seen) seenAtOnce++;
      if (made % REST_EVERY === 0) {
        await sleep(REST_MS);
        await Promise.all(clients.map((client) => ask(client, history, anyOf(TARGETS, 8), next)));
      }
      expect(history.faults).toEqual([]);
    }
    const { hits, inotifyEvents: told, inotifyOverflows, watches } = server.stats().files!;
    console.log(
      `${trigger}: ${changes} changes (${[...kinds].map(([kind, count]) => `${kind} ${count}`).join(', ')}), ` +
        `${history.requests} requests (${history.notModified} not modified, ${hits} from memory), ` +
        `seen at once ${seenAtOnce} of ${visible}; ${told} events, ${inotifyOverflows} overflows, ${watches} folders`,
    );
    expect(seenAtOnce / visible).toBeGreaterThan(SEEN_AT_ONCE_SHARE);
    expect(server.stats().files).toMatchObject({ invalidation: 'inotify', unwatchedReasons: [] });
  });
});
