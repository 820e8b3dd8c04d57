import { expect, test } from '@playwright/test';
import { frameTimes, frameTimesText } from './frame_times.ts';
import type { SyntheticRun } from './live_frames.ts';

/** The Live view alone, with models that the fake engine does not pretend to be. */

const SMALL: SyntheticRun = { layers: 8, experts: 64, devices: 2, stepsPerSecond: 170, batch: 8 };
const WIDE: SyntheticRun = { layers: 61, experts: 256, devices: 2, stepsPerSecond: 20, batch: 8 };
const BOTH_STACKS: SyntheticRun = {
  layers: 12,
  experts: 128,
  devices: 4,
  stepsPerSecond: 20,
  batch: 8,
  encoderLayers: 6,
};

test.beforeEach(async ({ page }) => {
  page.on('pageerror', (error) => {
    throw error;
  });
  await page.goto('/test/ui/live_harness.html');
  await page.waitForFunction(() => window.live !== undefined);
});

const begin = (page: import('@playwright/test').Page, run: SyntheticRun) =>
  page.evaluate((r) => window.live.begin(r, 60_000, 30_000), run);

for (const [name, run] of [
  ['8 layers, 170 steps a second', SMALL],
  ['61 layers of 256 experts', WIDE],
] as const) {
  test(`charts keep to their repaint budget at ten frames a second: ${name}`, async ({ page }) => {
    await begin(page, run);
    await page.evaluate(() => window.live.stream());
    await expect(page.getByRole('region', { name: 'Expert cache' })).toContainText(/load an expert/);
    await page.evaluate(() => window.live.paintStats.clear());
    const times = await frameTimes(page, 4000);
    // Reported, not asserted: it depends on what else the machine does.
    test.info().annotations.push({ type: 'frame times', description: frameTimesText(times) });
    console.log(`${name}: ${frameTimesText(times)}`);
    const paints = await page.evaluate(() => [...window.live.paintStats].map(([task, { paints: n }]) => ({ task, n })));
    const charts = ['inactive experts', 'memory', 'hit rate', 'misses by layer', 'load', 'text', 'live stats'];
    for (const chart of charts) {
      const n = paints.find(({ task }) => task === chart)?.n ?? 0;
      expect(n, chart).toBeGreaterThan(0);
      // Four a second, for four seconds and the rest of one.
      expect(n, chart).toBeLessThanOrEqual(18);
    }
  });
}

test('a model with both stacks names its layers by stack', async ({ page }) => {
  await begin(page, BOTH_STACKS);
  await expect(page.getByRole('region', { name: 'Inactive experts per layer' })).toContainText(
    /The encoder leaves \d+ of \d+ experts idle in a step that encodes .*the decoder leaves \d+/,
  );
  await page.getByRole('button', { name: 'Expert cache as a table' }).click();
  await expect(page.getByRole('rowheader', { name: 'Encoder layer 5' })).toBeVisible();
  await expect(page.getByRole('rowheader', { name: 'Decoder layer 0' })).toBeVisible();
});

test('the view can leave and come back, and leaves nothing behind that paints', async ({ page }) => {
  await begin(page, SMALL);
  await page.evaluate(() => window.live.stream());
  await expect(page.locator('.plot-label:visible').first()).toBeVisible();
  for (let i = 0; i < 3; i++) {
    await page.evaluate(() => window.live.unmount());
    await expect(page.locator('canvas')).toHaveCount(0);
    await page.evaluate(() => window.live.paintStats.clear());
    await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 600)));
    const painting = await page.evaluate(() => [...window.live.paintStats.keys()]);
    expect(painting.filter((task) => task !== 'frame bus')).toEqual([]);
    await page.evaluate(() => window.live.mount());
    await expect(page.locator('.plot-label:visible').first()).toBeVisible();
  }
});

test('a hidden chart is not painted', async ({ page }) => {
  await page.setViewportSize({ width: 900, height: 300 });
  await begin(page, SMALL);
  await page.evaluate(() => window.live.stream());
  await expect(page.locator('.plot-label:visible').first()).toBeAttached();
  await page.evaluate(() => window.live.paintStats.clear());
  await expect.poll(() => page.evaluate(() => window.live.paintStats.get('memory')?.paints ?? 0)).toBeGreaterThan(2);
  expect(await page.evaluate(() => window.live.paintStats.get('load')?.paints ?? 0)).toBe(0);
  await page.getByRole('slider', { name: /^Share of the tokens/ }).scrollIntoViewIfNeeded();
  await expect.poll(() => page.evaluate(() => window.live.paintStats.get('load')?.paints ?? 0)).toBeGreaterThan(0);
});
