import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EXPERIMENTS } from '../../src/lab/bench/settings.js';
import { renderPage } from '../../src/lab/report/page.js';
import { needs } from '../support/needs.js';
import { Browser, browserName } from './browser.js';
import { sampleReport } from './sample-reports.js';

const BROWSER_MS = 60_000;
/** Where the pictures are left to be looked at: `LAB_PICTURES=/tmp/pictures npx vitest run test/lab/page.test.ts`. */
const PICTURES = process.env['LAB_PICTURES'];

/** Of each canvas: its width, and how many colours it has. */
const CANVASES = `[...document.querySelectorAll('canvas')].map((canvas) => {
  const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d', { willReadFrequently: true });
  copy.drawImage(canvas, 0, 0);
  const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
  const colours = new Set();
  for (let at = 0; at < data.length; at += 4) if (data[at + 3] === 255) colours.add(data.slice(at, at + 3).join());
  return { width: canvas.width, colours: [...colours] };
})`;

describe.each(EXPERIMENTS)('the page of %s', (experiment) => {
  const report = sampleReport(experiment);
  const html = renderPage(report);

  test('holds the report as it is', () => {
    const json = /<script type="application\/json" id="report">(.*?)<\/script>/s.exec(html)![1]!;
    expect(JSON.parse(json)).toEqual(JSON.parse(JSON.stringify(report)));
  });

  test('says where and how it was measured, and how to do it again', () => {
    expect(html).toContain(report.command);
    expect(html).toContain('A &lt;processor&gt; &amp; &quot;more&quot;');
    for (const note of report.notes) expect(html).toContain(note);
  });

  test('has a table to every chart', () => {
    const charts = html.match(/<canvas /g)?.length ?? 0;
    expect(charts).toBeGreaterThan(0);
    expect(html.match(/<table>/g)!.length).toBeGreaterThanOrEqual(charts);
  });
});

test('what a model says cannot become markup', () => {
  const report = sampleReport('models');
  const html = renderPage({ ...report, notes: ['</script><script>alert(1)</script>'] });
  expect(html).not.toContain('<script>alert');
});

describe('in a browser', () => {
  const runs = needs(browserName !== undefined, 'the report in a browser', 'chromium is not installed');
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'epollet-lab-page-'));
    if (PICTURES) mkdirSync(PICTURES, { recursive: true });
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test.runIf(runs).each(EXPERIMENTS)('%s is drawn, in every light', { timeout: BROWSER_MS }, async (experiment) => {
    const file = join(folder, `${experiment}.html`);
    writeFileSync(file, renderPage(sampleReport(experiment)));
    const url = pathToFileURL(file).href;
    await using browser = await Browser.open(url);
    const keep = async (name: string): Promise<void> => {
      if (PICTURES) writeFileSync(join(PICTURES, `${experiment}-${name}.png`), await browser.screenshot());
    };
    const inks: string[][] = [];
    for (const [name, width, scheme] of [
      ['light', 1200, 'light'],
      ['dark', 1200, 'dark'],
      ['phone', 390, 'light'],
    ] as const) {
      await browser.look(width, 844, scheme);
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
    // The light blue of the night, and the dark one of the day.
    expect(inks[0]).toContain('11,95,120');
    expect(inks[1]).toContain('98,195,220');
    expect(inks[1]).not.toContain('11,95,120');
    await browser.look(794, 1123, 'dark', 'print');
    const printed = await browser.evaluate<{ colours: string[] }[]>(CANVASES);
    expect(printed.flatMap(({ colours }) => colours)).toContain('11,95,120');
    if (PICTURES) writeFileSync(join(PICTURES, `${experiment}.pdf`), await browser.pdf());
    expect(browser.complaints).toEqual([]);
    expect(browser.requests.filter((each) => !each.startsWith('data:'))).toEqual([url]);
  });

  test.runIf(runs)('a complaint and a request would be heard', { timeout: BROWSER_MS }, async () => {
    const file = join(folder, 'loud.html');
    writeFileSync(file, '<!doctype html><script>console.error("heard")</script><img src="http://127.0.0.1:9/x.png">');
    await using browser = await Browser.open(pathToFileURL(file).href);
    expect(browser.complaints.join()).toContain('heard');
    expect(browser.requests).toContain('http://127.0.0.1:9/x.png');
  });
});
