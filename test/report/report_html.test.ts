import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { escapeText, markup } from '../../engine/report/markup.ts';
import { reportFileName, reportHtml } from '../../engine/report/report_html.ts';
import { spread } from '../../engine/report/svg/plot.ts';
import { roundUp, tickStep, ticks } from '../../engine/report/svg/scale.ts';
import { exampleHeader } from './run_examples.ts';
import { syntheticRun } from './synthetic_run.ts';

const HOSTILE = `</title></style><script>alert(1)</script><img src=x onerror="alert(2)">"'&amp;`;

describe('reportHtml', () => {
  const html = reportHtml(syntheticRun());

  it('has every panel and table', () => {
    for (const title of [
      'Inactive experts per layer',
      'Memory of cpu:0',
      'Memory of cpu:1',
      'Expert cache',
      'Misses by layer',
      'Miss rate by cache size',
      'Load per device',
      'Time of a step',
      'Settings over the run',
      'Counters measured and replayed',
      'Layers',
      'Model',
      'Machine',
      'Devices',
    ]) {
      expect(html).toContain(`<h3>${title}</h3>`);
    }
    expect(html).toContain('Replay gives the live counters to the unit');
    expect(html).toContain('64 to 12 slots');
    // Every panel says where its numbers come from.
    expect(html.match(/class="origin"/g)).toHaveLength(html.match(/<section class="panel">/g)?.length ?? 0);
  });

  it('says what padded gating cost, and nothing of it where none was in force', () => {
    expect(html).not.toContain('for each real one');
    const run = syntheticRun({ steps: 10 });
    const pairs = run.steps.map(({ ids }) => ids.length);
    const padded = {
      ...run,
      settings: run.settings.map((change) => ({
        ...change,
        settings: { ...change.settings, gating: 'static' as const },
      })),
      // A quarter of the pairs dropped, eleven rows of padding for each that is left.
      steps: run.steps.map((step, n) => ({
        ...step,
        droppedPairs: 0.25 * (pairs[n] as number),
        paddingRows: 11 * 0.75 * (pairs[n] as number),
      })),
    };
    expect(reportHtml(padded)).toContain(
      'Over the run static gating ran 12 rows for each real one, and dropped 25.0% of pairs.',
    );
  });

  it('draws finite numbers only', () => {
    expect(html).not.toMatch(/NaN|Infinity|undefined|\[object/);
    for (const attribute of html.matchAll(/ (?:x|y|x1|x2|y1|y2|width|height|cx|cy)="([^"]*)"/g)) {
      expect(Number.isFinite(Number(attribute[1])), attribute[0]).toBe(true);
    }
  });

  it('is well-formed: every element is closed in order', () => {
    const open: string[] = [];
    const empty = new Set(['meta', 'line', 'rect', 'path', 'circle', '!doctype']);
    for (const [, close, name = '', self] of html
      .replace(/<style>.*?<\/style>/s, '')
      .matchAll(/<(\/?)([a-z!][a-z0-9]*)\b[^>]*?(\/?)>/g)) {
      if (self === '/' || empty.has(name)) continue;
      if (close === '/') expect(open.pop()).toBe(name);
      else open.push(name);
    }
    expect(open).toEqual([]);
  });

  it('asks for nothing outside itself, and its policy allows its style and no more', () => {
    expect(html).not.toMatch(/https?:|src=|href=|url\(|@import| style="|<script/);
    const style = html.match(/<style>(.*?)<\/style>/s)?.[1] ?? '';
    const hash = createHash('sha256').update(style).digest('base64');
    const policy = html.match(/Content-Security-Policy" content="([^"]*)"/)?.[1]?.replaceAll('&#39;', "'");
    expect(policy).toBe(`default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`);
    expect(html.match(/<style/g)).toHaveLength(1);
    expect(style).toContain('prefers-color-scheme:dark');
  });

  it('shows any text as text', () => {
    const run = syntheticRun({ steps: 40, prompt: HOSTILE, pieces: [HOSTILE] });
    const [first, ...rest] = run.settings;
    if (first === undefined) throw new Error('no settings');
    const hostile = reportHtml({
      ...run,
      settings: [first, ...rest.map((change) => ({ ...change, label: HOSTILE }))],
      truncation: HOSTILE,
      exporter: HOSTILE,
      endReason: HOSTILE,
      header: {
        ...run.header,
        model: { ...run.header.model, name: HOSTILE, family: HOSTILE },
        machine: { ...run.header.machine, cpu: HOSTILE },
        devices: run.header.devices.map((device) => ({ ...device, id: HOSTILE, name: HOSTILE })),
      },
    });
    expect(hostile).not.toContain('<script');
    expect(hostile).not.toContain('<img');
    expect(hostile).not.toContain('onerror="');
    expect(hostile.match(/<\/style>/g)).toHaveLength(1);
    expect(hostile).toContain(escapeText(HOSTILE));
  });

  it('leaves out what one device has no use for, and says when the run was cut off', () => {
    const cut = reportHtml(syntheticRun({ devices: 1, steps: 30, complete: false }));
    expect(cut).not.toContain('Load per device');
    expect(cut).toContain('<h3>Memory</h3>');
    expect(cut).toMatch(/class="notice">synthetic\.json: the run was cut off/);
    expect(html).not.toContain('class="notice"');
  });

  it('stands also for a run without a step, and one of one step', () => {
    const none = reportHtml(syntheticRun({ steps: 0 }));
    expect(none).toContain('What was run');
    expect(none).not.toMatch(/NaN|undefined|<svg/);
    expect(reportHtml(syntheticRun({ steps: 1 }))).not.toMatch(/NaN|undefined/);
  });
});

describe('reportFileName', () => {
  it('is plain whatever the model and run are called', () => {
    const header = exampleHeader({ moeLayers: 1, experts: 2, topK: 1, devices: 1 });
    expect(reportFileName(header, 'html')).toBe('demo-lm-run-1-report.html');
    expect(
      reportFileName({ ...header, id: '../../etc/passwd', model: { ...header.model, name: '..\\évil: "x"' } }, 'json'),
    ).toMatch(/^[A-Za-z0-9][A-Za-z0-9._-]*-report\.json$/);
    expect(reportFileName({ ...header, id: '', model: { ...header.model, name: '...' } }, 'json')).toBe('report.json');
  });
});

describe('drawing helpers', () => {
  it('escapes inserted values and nothing else', () => {
    expect(markup`<b title="${'"<'}">${['a&', markup`<i>${1}</i>`, undefined, false]}</b>`.text).toBe(
      '<b title="&quot;&lt;">a&amp;<i>1</i></b>',
    );
  });

  it('ticks at round numbers within the span', () => {
    expect(tickStep(96, 4)).toBe(50);
    expect(ticks(0, 100, 20)).toEqual([0, 20, 40, 60, 80, 100]);
    expect(ticks(0.3, 1, 0.2).map((tick) => tick.toFixed(1))).toEqual(['0.4', '0.6', '0.8', '1.0']);
    expect(roundUp(96, 20)).toBe(100);
    expect(roundUp(0, 20)).toBe(20);
    expect(tickStep(3, 8, true)).toBe(1);
  });

  it('moves labels apart, in order, within bounds', () => {
    const places = spread([50, 52, 51, 10], 12, 0, 100);
    const sorted = [...places].sort((a, b) => a - b);
    expect([places[3], places[0], places[2], places[1]]).toEqual(sorted);
    for (let i = 1; i < sorted.length; i++) expect((sorted[i] ?? 0) - (sorted[i - 1] ?? 0)).toBeGreaterThanOrEqual(12);
    expect(Math.max(...spread([99, 99, 99], 12, 0, 100))).toBe(100);
  });
});
