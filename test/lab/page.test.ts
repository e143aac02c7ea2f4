import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EXPERIMENT_NAMES } from '../../src/lab/experiments/registry.js';
import { renderIndex } from '../../src/lab/report/index-page.js';
import { renderPage } from '../../src/lab/report/page.js';
import { Browser, browserName } from '../support/browser.js';
import { needs } from '../support/needs.js';
import { sampleReport } from './sample-reports.js';

const BROWSER_MS = 60_000;
/** Keeps screenshots for inspection: `LAB_PICTURES=/tmp/pictures npx vitest run test/lab/page.test.ts`. */
const PICTURES = process.env['LAB_PICTURES'];

/** The width and the colours of each canvas. */
const CANVASES = `[...document.querySelectorAll('canvas')].map((canvas) => {
  const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d', { willReadFrequently: true });
  copy.drawImage(canvas, 0, 0);
  const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
  const colours = new Set();
  for (let at = 0; at < data.length; at += 4) if (data[at + 3] === 255) colours.add(data.slice(at, at + 3).join());
  return { width: canvas.width, colours: [...colours] };
})`;

describe.each(EXPERIMENT_NAMES)('the page of %s', (experiment) => {
  const report = sampleReport(experiment);
  const html = renderPage(report);

  test('contains the report as JSON', () => {
    const json = /<script type="application\/json" id="report">(.*?)<\/script>/s.exec(html)![1]!;
    expect(JSON.parse(json)).toEqual(JSON.parse(JSON.stringify(report)));
  });

  test('shows the machine, the notes and the command that repeats the run', () => {
    expect(html).toContain(report.command);
    expect(html).toContain('A &lt;processor&gt; &amp; &quot;more&quot;');
    for (const note of report.notes) expect(html).toContain(note);
  });

  test('has a table for every chart', () => {
    const charts = html.match(/<canvas /g)?.length ?? 0;
    expect(charts).toBeGreaterThan(0);
    expect(html.match(/<table>/g)!.length).toBeGreaterThanOrEqual(charts);
  });
});

test.each([
  ['models', 'Least: epoll-edge with'],
  ['rates', 'At 100 requests per second a request costs'],
  ['libuv', 'libuv takes'],
  ['connections', 'could not be measured any more'],
  ['triggers', 'With 256 ready, by “level, one read”'],
  ['websocket', 'Least: epollet with 6.05 µs'],
  ['drivers', 'In blocking and worker’s own thread nothing of Node ran in 6 s.'],
] as const)('the page of %s has sentences of its values', (experiment, sentence) => {
  const readings = renderPage(sampleReport(experiment)).match(/<p class="reading">.*?<\/p>/g)!;
  expect(readings.join('\n')).toContain(sentence);
});

test('the page has the code, the system calls, one request and the limit of each model next to its bar, once', () => {
  const html = renderPage(sampleReport('models'));
  expect(html.match(/<summary><b>epollet<\/b>/g)).toHaveLength(1);
  const [details] = /<details id="model-epoll-edge">.*?<\/details>/s.exec(html)!;
  expect(details).toMatch(/<i style="width:\d+\.\d%"><\/i><\/span><span class="us">6\.\d+ µs/);
  expect(details).toContain('recvfrom(21, &quot;GET / HTTP/1.1');
  expect(details).toContain('<h3>src/models/epoll-edge.ts</h3>');
  expect(html).toContain('src/models/epoll-edge.ts');
  expect(html).toContain('by strace in this run: 1.01 recvfrom');
  expect(html).toContain('one idle client blocks all others');
  expect(html).toContain('export function serve');
  expect(renderPage(sampleReport('triggers'))).not.toContain('<summary>');
});

test.each([
  ['rates', 'fixed-page', 'Not recorded: strace is not installed.'],
  ['rates', 'epollet', 'Not recorded: it was not measured in the first round.'],
  ['connections', 'epollet', 'Not recorded: this experiment records none; models, rates and libuv do.'],
] as const)('the page of %s states why %s has no transcript', (experiment, model, reason) => {
  const details = new RegExp(`<details id="model-${model}">.*?</details>`, 's').exec(
    renderPage(sampleReport(experiment)),
  )!;
  expect(details[0]).toContain(reason);
});

test('each name of a model in a table leads to the model', () => {
  const html = renderPage(sampleReport('models'));
  const ids = new Set([...html.matchAll(/<details id="([^"]+)">/g)].map(([, id]) => id));
  const targets = [...html.matchAll(/<a href="#([^"]+)">/g)].map(([, id]) => id);
  expect(targets).toContain('model-epollet');
  expect(targets.filter((id) => !ids.has(id))).toEqual([]);
  expect(html).toContain('<a href="#model-epollet">epollet again</a>');
});

test('raw latency is next to corrected latency, and a closed loop has only that', () => {
  const html = renderPage(sampleReport('models'));
  expect(html).toContain('<th class="number">raw p50, ms</th>');
  expect(html).toContain('a closed loop has no schedule by which a request could be late');
  expect(html).toContain('<th class="number">raw p99</th>');
  expect(renderPage(sampleReport('connections'))).toMatch(/; raw [\d.]+\)<\/td>/);
  expect(renderPage(sampleReport('workers'))).toContain('raw p99 ms');
});

test('the sources of the quotations are links', () => {
  const html = renderPage(sampleReport('triggers'));
  for (const url of ['https://github.com/netty/netty/issues/14007', 'https://github.com/tokio-rs/mio/issues/928'])
    expect(html).toContain(`<a href="${url}">${url}</a>)`);
});

test('the index of all experiments has a link to each', () => {
  const html = renderIndex(EXPERIMENT_NAMES.map(sampleReport), true);
  for (const name of EXPERIMENT_NAMES) {
    expect(html).toContain(`<a href="${name}.html">`);
    expect(html).toContain(`<a href="${name}.json">`);
  }
  expect(html).toContain('<b>CPU time per request.</b> Least: epoll-edge with');
  expect(html).toContain('<a href="report.md">');
  expect(renderIndex([sampleReport('models')], false)).not.toContain('models.html');
});

test('notes are escaped', () => {
  const report = sampleReport('models');
  const html = renderPage({ ...report, notes: ['</script><script>alert(1)</script>'] });
  expect(html).not.toContain('<script>alert');
});

describe('in a browser', () => {
  const runs = needs(browserName !== undefined, 'the report in a browser', 'chromium is not installed');
  let directory: string;
  let browser: Browser;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'epollet-lab-page-'));
    if (PICTURES) mkdirSync(PICTURES, { recursive: true });
    if (runs) browser = await Browser.open('about:blank');
  }, BROWSER_MS);

  afterAll(async () => {
    await browser?.[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true, force: true });
  });

  test.runIf(runs).each(EXPERIMENT_NAMES)(
    '%s is drawn in light mode, dark mode and print',
    { timeout: BROWSER_MS },
    async (experiment) => {
      const file = join(directory, `${experiment}.html`);
      writeFileSync(file, renderPage(sampleReport(experiment)));
      const url = pathToFileURL(file).href;
      await browser.load(url);
      const keep = async (name: string): Promise<void> => {
        if (PICTURES) writeFileSync(join(PICTURES, `${experiment}-${name}.png`), await browser.screenshot());
      };
      const inks: string[][] = [];
      for (const [name, width, scheme] of [
        ['light', 1200, 'light'],
        ['dark', 1200, 'dark'],
        ['phone', 390, 'light'],
      ] as const) {
        await browser.emulate(width, 844, scheme);
        const canvases = await browser.evaluate<{ width: number; colours: string[] }[]>(CANVASES);
        expect(canvases.length).toBeGreaterThan(0);
        for (const canvas of canvases) {
          expect(canvas.colours.length, name).toBeGreaterThan(3);
          expect(canvas.width, name).toBeLessThanOrEqual(width);
          expect(canvas.width, name).toBeGreaterThan(250);
        }
        inks.push(canvases.flatMap(({ colours }) => colours));
        expect(await browser.evaluate('document.documentElement.scrollWidth'), name).toBeLessThanOrEqual(width);
        await keep(name);
      }
      // The dark blue of light mode, and the light blue of dark mode.
      expect(inks[0]).toContain('11,95,120');
      expect(inks[1]).toContain('98,195,220');
      expect(inks[1]).not.toContain('11,95,120');
      await browser.emulate(794, 1123, 'dark', 'print');
      const printed = await browser.evaluate<{ colours: string[] }[]>(CANVASES);
      expect(printed.flatMap(({ colours }) => colours)).toContain('11,95,120');
      if (PICTURES) writeFileSync(join(PICTURES, `${experiment}.pdf`), await browser.pdf());
      expect(browser.errors).toEqual([]);
      expect(browser.requests.filter((each) => !each.startsWith('data:'))).toEqual([url]);
    },
  );

  test.runIf(runs)('the index is drawn, and its links lead to the pages', { timeout: BROWSER_MS }, async () => {
    const file = join(directory, 'index.html');
    writeFileSync(file, renderIndex(EXPERIMENT_NAMES.map(sampleReport), true));
    const url = pathToFileURL(file).href;
    await browser.load(url);
    const grounds: string[] = [];
    for (const [name, width, scheme, media] of [
      ['light', 1200, 'light', 'screen'],
      ['dark', 1200, 'dark', 'screen'],
      ['phone', 390, 'dark', 'screen'],
      ['print', 794, 'dark', 'print'],
    ] as const) {
      await browser.emulate(width, 844, scheme, media);
      expect(await browser.evaluate('document.documentElement.scrollWidth'), name).toBeLessThanOrEqual(width);
      grounds.push(await browser.evaluate('getComputedStyle(document.body).backgroundColor'));
      if (PICTURES) writeFileSync(join(PICTURES, `index-${name}.png`), await browser.screenshot());
    }
    expect(grounds[0]).not.toBe(grounds[1]);
    expect(grounds[3]).toBe('rgb(255, 255, 255)');
    const links = await browser.evaluate<string[]>('[...document.links].map((link) => link.href)');
    for (const name of EXPERIMENT_NAMES) expect(links).toContain(pathToFileURL(join(directory, `${name}.html`)).href);
    expect(browser.errors).toEqual([]);
    expect(browser.requests.filter((each) => !each.startsWith('data:'))).toEqual([url]);
  });

  test.runIf(runs)('a link to a model opens what is below it', { timeout: BROWSER_MS }, async () => {
    const file = join(directory, 'models.html');
    writeFileSync(file, renderPage(sampleReport('models')));
    await browser.load(pathToFileURL(file).href);
    await browser.evaluate(`document.querySelector('a[href="#model-epoll-edge"]').click()`);
    await browser.evaluate('new Promise((resolve) => setTimeout(resolve, 50))');
    const open = await browser.evaluate('[...document.querySelectorAll("details[open]")].map(({ id }) => id)');
    expect(open).toEqual(['model-epoll-edge']);
    if (PICTURES) {
      for (const width of [1200, 390]) {
        await browser.emulate(width, 844, 'light');
        writeFileSync(join(PICTURES, `model-${width}.png`), await browser.screenshot());
      }
    }
  });

  test.runIf(runs)('console errors and network requests are recorded', { timeout: BROWSER_MS }, async () => {
    const file = join(directory, 'loud.html');
    writeFileSync(file, '<!doctype html><script>console.error("logged")</script><img src="http://127.0.0.1:9/x.png">');
    await browser.load(pathToFileURL(file).href);
    expect(browser.errors.join()).toContain('logged');
    expect(browser.requests).toContain('http://127.0.0.1:9/x.png');
  });
});
