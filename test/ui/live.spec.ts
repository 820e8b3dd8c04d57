import type { Locator, Page } from '@playwright/test';
import { DEFAULT_RUN } from '../../engine/protocol/settings.ts';
import { expect, test } from './frame_page.ts';

/** The Live view in the whole window, over the fake engine whose time only moves with `tick`. */

const TWO_DEVICES = { ...DEFAULT_RUN, devices: [{ id: 'cpu:0' }, { id: 'cpu:1' }], promptCount: 1000 };

const panel = (page: Page, name: string) => page.locator('.live').getByRole('region', { name, exact: true });
const plot = (page: Page, name: RegExp) => page.getByRole('slider', { name });
const MEMORY = /^Memory of device/;
const HITS = /^Hit rate of the expert cache over time/;
const LOAD = /^Share of the tokens/;
const IDLE = /^Inactive experts by layer/;

/** Share of a chart's canvas that is drawn upon. */
const inked = (chart: Locator) =>
  chart.locator('canvas').evaluate((canvas: HTMLCanvasElement) => {
    // A copy: reading the chart's own canvas would make the browser draw it differently from then on.
    const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d', { willReadFrequently: true });
    copy?.drawImage(canvas, 0, 0);
    const data = copy?.getImageData(0, 0, canvas.width, canvas.height).data ?? [];
    let count = 0;
    for (let i = 3; i < data.length; i += 4) if ((data[i] ?? 0) > 100) count++;
    return count / (canvas.width * canvas.height);
  });

const boxes = (locator: Locator) =>
  locator.evaluateAll((elements) =>
    elements
      .map((element) => element.getBoundingClientRect())
      .filter(({ width, height }) => width > 0 && height > 0)
      .map(({ left, right, top, bottom }) => ({ left, right, top, bottom })),
  );

type Box = { left: number; right: number; top: number; bottom: number };
const overlaps = (all: readonly Box[]) =>
  all.flatMap((a, i) =>
    all
      .slice(i + 1)
      .filter((b) => a.left < b.right && b.left < a.right && a.top < b.bottom - 1 && b.top < a.bottom - 1),
  );

test('every panel shows its figure, its sentence and a painted chart', async ({ frame }) => {
  const { page } = frame;
  await frame.open({ run: TWO_DEVICES });
  await frame.tick(60);
  await expect(panel(page, 'Inactive experts per layer')).toContainText(/[\d.]+of 64 idle/);
  await expect(panel(page, 'Inactive experts per layer')).toContainText(/Layer \d leaves \d+ of 64 experts idle/);
  await expect(panel(page, 'Memory')).toContainText(/Experts hold [\d.]+ MiB of [\d.]+ MiB/);
  await expect(panel(page, 'Expert cache')).toContainText(/Replayed ([\d,]+) misses, measured \1\./);
  await expect(panel(page, 'Load per device')).toContainText(/device \d takes [\d.]+% in the mean step/);
  await expect(panel(page, 'Text')).toContainText(/[78] sequences in flight, batch 8/);
  for (const name of [IDLE, MEMORY, HITS, LOAD])
    await expect.poll(() => inked(plot(page, name))).toBeGreaterThan(0.003);
  await expect.poll(() => inked(plot(page, MEMORY))).toBeGreaterThan(0.03);
});

test('figures move with the run without another render of their panel', async ({ frame }) => {
  const { page } = frame;
  await frame.open();
  await frame.tick(20);
  const rest = page.locator('.live-readout output');
  await expect(rest).toContainText(/^[\d,]+ steps in /);
  const before = await rest.textContent();
  // A render would write the attribute back or replace the element.
  await panel(page, 'Memory').evaluate((element) => element.setAttribute('data-seen', 'yes'));
  await frame.tick(20);
  await expect(rest).not.toHaveText(before ?? '');
  await expect(panel(page, 'Memory')).toHaveAttribute('data-seen', 'yes');
});

test('a change leaves its label on every time chart, clear of lines and other labels', async ({ frame }) => {
  const { page } = frame;
  await frame.open({ run: TWO_DEVICES });
  await frame.tick(30);
  for (const cacheSlots of [20, 12, 6]) {
    await page.evaluate((slots) => window.harness.studio.engine.request('change', { cacheSlots: slots }), cacheSlots);
    await frame.tick(40);
  }
  await page.getByText('15 s', { exact: true }).click();
  for (const name of [MEMORY, HITS, LOAD]) {
    const chart = plot(page, name);
    await expect(chart.getByText(/12 to 6/)).toBeVisible();
    await expect(chart.locator('.plot-mark:visible')).toHaveCount(3);
    const labels = await boxes(chart.locator('.plot-mark-label'));
    expect(overlaps(labels)).toEqual([]);
    const lines = await boxes(chart.locator('.plot-mark').filter({ visible: true }));
    for (const label of labels) {
      for (const line of lines) expect(line.right <= label.left || line.left >= label.right).toBe(true);
    }
  }
  await expect(panel(page, 'Memory')).toContainText(/less than before step [\d,]+/);
});

test('labels at the ends of curves never collide and stay inside the panel', async ({ frame }) => {
  const { page } = frame;
  await frame.open({ run: TWO_DEVICES });
  await frame.tick(60);
  for (const size of [
    { width: 1440, height: 900 },
    { width: 1100, height: 700 },
    { width: 1920, height: 1080 },
  ]) {
    await page.setViewportSize(size);
    for (const name of [MEMORY, LOAD]) {
      const chart = plot(page, name);
      await chart.scrollIntoViewIfNeeded();
      await expect(chart.locator('.plot-label:visible').first()).toBeVisible();
      await expect
        .poll(async () => {
          const outer = await chart.boundingBox();
          const labels = await boxes(chart.locator('.plot-label'));
          const right = (outer?.x ?? 0) + (outer?.width ?? 0);
          return overlaps(labels).length + labels.filter((box) => box.right > right + 1).length;
        })
        .toBe(0);
    }
    const heads = await page
      .locator('.panel-head')
      .evaluateAll((all) =>
        all.filter((head) => head.scrollWidth > head.clientWidth + 1).map((head) => head.textContent),
      );
    expect(heads).toEqual([]);
    expect(overlaps(await boxes(page.locator('.live .panel')))).toEqual([]);
  }
});

test('the step cursor is shared by all time charts; a click pins it and copies as CSV', async ({ frame }) => {
  const { page } = frame;
  await frame.open({ run: TWO_DEVICES });
  await frame.tick(60);
  const memory = plot(page, MEMORY);
  const box = await memory.boundingBox();
  if (box === null) throw new Error('the memory chart has no box');
  const at = { x: box.x + box.width * 0.8, y: box.y + box.height / 2 };
  await page.mouse.move(at.x, at.y);
  for (const name of [MEMORY, HITS, LOAD]) {
    await expect(plot(page, name).locator('.plot-cursor[data-kind="hover"]')).toBeVisible();
  }
  await expect(memory.locator('.plot-cursor-text:visible')).toHaveText(/^-[\d.]+ s {2}[\d.]+ MiB$/);
  const readout = page.locator('.live-readout output');
  await expect(readout).toHaveText(/^Step [\d,]+ {3}8 tokens/);

  await page.mouse.click(at.x, at.y);
  await page.mouse.move(5, 5);
  await expect(plot(page, HITS).locator('.plot-cursor[data-kind="pinned"]')).toBeVisible();
  const step = (await readout.textContent())?.match(/^Step ([\d,]+)/)?.[1]?.replaceAll(',', '');
  await page.getByRole('button', { name: 'Copy as CSV' }).click();
  await expect(page.getByRole('button', { name: 'Copied' })).toBeVisible();
  const csv = await page.evaluate(() => window.harness.kept.copied);
  expect(csv).toMatch(/^step,metric,dimension,member,value,unit\r\n/);
  expect(csv).toContain(`\r\n${step},misses,layer,layer 7,`);
  // The pinned step moves away with time; the cursor stays on it.
  await frame.tick(20);
  await expect(readout).toContainText(`Step ${Number(step).toLocaleString('en')}`);
  await page.getByRole('button', { name: 'Let go of the pinned cursor' }).click();
  await expect(page.locator('.plot-cursor:visible')).toHaveCount(0);
});

test('charts are read by keyboard, as sliders', async ({ frame }) => {
  const { page } = frame;
  await frame.open({ run: TWO_DEVICES });
  await frame.tick(60);
  const hits = plot(page, HITS);
  await hits.focus();
  await page.keyboard.press('End');
  await expect(hits).toHaveAttribute('aria-valuetext', /^step \d+: [\d.]+% hits, \d+ missed$/);
  const last = Number(await hits.getAttribute('aria-valuenow'));
  await page.keyboard.press('ArrowLeft');
  await expect.poll(async () => Number(await hits.getAttribute('aria-valuenow'))).toBeLessThan(last);
  await page.keyboard.press('Enter');
  await expect(plot(page, LOAD).locator('.plot-cursor[data-kind="pinned"]')).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.locator('.plot-cursor:visible')).toHaveCount(0);

  const idle = plot(page, IDLE);
  await idle.focus();
  await page.keyboard.press('End');
  await expect(idle).toHaveAttribute('aria-valuetext', /^layer 7: [\d.]+ of 64 idle$/);
  await page.keyboard.press('ArrowLeft');
  await expect(idle).toHaveAttribute('aria-valuetext', /^layer 6: /);
  await expect(page.locator('.live-readout output')).toHaveText(/^Layer 6 /);
  // The same layer is marked in the other chart over layers.
  await expect(plot(page, /^Miss rate of the expert cache by layer/).locator('.plot-band')).toBeVisible();
});

test('every chart is there as a table', async ({ frame }) => {
  const { page } = frame;
  await frame.open({ run: TWO_DEVICES });
  await frame.tick(60);
  for (const [name, columns, rows] of [
    ['Inactive experts per layer', 5, 8],
    ['Memory', 4, 9],
    ['Expert cache', 5, 9],
    ['Load per device', 5, 2],
  ] as const) {
    await page.getByRole('button', { name: `${name} as a table` }).click();
    const table = panel(page, name).getByRole('table');
    await expect(table.getByRole('columnheader')).toHaveCount(columns);
    await expect(table.getByRole('rowheader')).toHaveCount(rows);
  }
  await page.getByRole('button', { name: 'Memory as a table' }).click();
  await expect(plot(page, MEMORY)).toBeVisible();
});

test('what stands still says so', async ({ frame }) => {
  const { page } = frame;
  await frame.open({ run: TWO_DEVICES });
  await frame.tick(30);
  await page.getByRole('button', { name: 'Pause' }).click();
  for (const name of [MEMORY, HITS, LOAD]) await expect(plot(page, name)).toContainText(/paused at step [\d,]+/);
  await expect(page.locator('.live-readout output')).toHaveText(/^Paused at step [\d,]+\. /);
  await expect(page.locator('.live')).toHaveAttribute('data-frozen', 'true');
  await page.getByRole('button', { name: 'Resume' }).click();
  await expect(page.locator('.live')).toHaveAttribute('data-frozen', 'false');
  await frame.die('it ran out of memory', 137, []);
  await expect(plot(page, HITS)).toContainText(/engine gone at step [\d,]+/);
});

test('one step can be looked into, and each device has its memory', async ({ frame }) => {
  const { page } = frame;
  await frame.open({ run: TWO_DEVICES });
  await frame.tick(30);
  await panel(page, 'Memory').getByText('1', { exact: true }).click();
  await expect(page.getByRole('slider', { name: 'Memory of device 1 by ledger category' })).toBeVisible();
  await panel(page, 'Memory').getByText('One step', { exact: true }).click();
  await expect(panel(page, 'Memory')).toContainText(/Step [\d,]+ on device 0 rises [\d.]+ MiB above its floor/);
  const zoom = page.getByRole('img', { name: /^Memory within one step/ });
  await expect.poll(() => inked(zoom)).toBeGreaterThan(0.05);
  await expect(zoom.getByText('gating')).toBeVisible();
  await expect(zoom.getByText(/ ms$|µs$/).last()).toBeVisible();
});

test('one device: says so, and shows where the time goes instead of an empty chart', async ({ frame }) => {
  const { page } = frame;
  await frame.open();
  await frame.tick(30);
  const load = panel(page, 'Step time');
  await expect(load).toContainText('Add a device in the inspector to see the load divide.');
  await expect(load.getByRole('term')).toHaveCount(9);
  await expect(load).toContainText(/experts[\d.]+ ms[\d.]+%/);
});

test('text streams as text, waits are tinted, one sequence can be read whole', async ({ frame }) => {
  const { page } = frame;
  await frame.open({ run: { ...TWO_DEVICES, cacheSlots: 4 } });
  await frame.tick(10);
  const rows = page.locator('.live-text-row:visible');
  await expect(rows).toHaveCount(8);
  await expect(page.locator('.live-text-rows .live-run-waited').first()).toBeVisible();
  const line = rows.first().locator('.live-text-line');
  const before = await line.textContent();
  await page.evaluate(() => {
    const { bus } = window.harness.studio;
    bus.text.append([{ sequence: 0, row: 0, pieces: [{ text: '<img src=x onerror=alert(1)>', waited: false }] }]);
  });
  await frame.tick(1);
  await expect(line).not.toHaveText(before ?? '');
  await expect(page.locator('.live-text img')).toHaveCount(0);
  // The newest text is in sight: the line holds no more than it shows.
  const hidden = await line.evaluate((element) => element.scrollWidth - element.clientWidth);
  expect(hidden).toBeLessThanOrEqual(8);

  await rows.first().click();
  const reader = page.getByRole('article', { name: 'Text of the sequence' });
  await expect(reader).toContainText('<img src=x onerror=alert(1)>');
  await expect(panel(page, 'Text')).toContainText(/in flight, [\d,]+ tokens, \d+ waited/);
  await page.getByRole('button', { name: 'All sequences' }).click();
  await expect(rows).toHaveCount(8);
});

test('a switch of the theme recolours the charts in place', async ({ frame }) => {
  const { page } = frame;
  await frame.open({ theme: 'dark' });
  await frame.tick(40);
  const memory = plot(page, MEMORY);
  const experts = () =>
    memory.locator('canvas').evaluate((canvas: HTMLCanvasElement) => {
      const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d', { willReadFrequently: true });
      copy?.drawImage(canvas, 0, 0);
      const data = copy?.getImageData(canvas.width - 112, 0, 1, canvas.height).data ?? [];
      const colours = new Set<string>();
      for (let i = 0; i < data.length; i += 4) colours.add([...data.slice(i, i + 4)].join());
      return [...colours].sort().join(' ');
    });
  await expect.poll(() => inked(memory)).toBeGreaterThan(0.03);
  const dark = await experts();
  await memory.locator('canvas').evaluate((canvas) => canvas.setAttribute('data-seen', 'yes'));
  await page.evaluate(() => {
    document.documentElement.dataset.theme = 'light';
  });
  await expect.poll(experts).not.toBe(dark);
  await expect(memory.locator('canvas')).toHaveAttribute('data-seen', 'yes');
});
