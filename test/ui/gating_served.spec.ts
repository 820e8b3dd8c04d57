import path from 'node:path';
import { expect, type Page } from '@playwright/test';
import type { GatingTable } from '../../engine/protocol/labs.ts';
import { bytesText } from '../../src-renderer/format/bytes.ts';
import { count, percentText, plain, tile } from '../../src-renderer/format/numbers.ts';
import { writeSyntheticOlmoe } from '../bench/synthetic_olmoe.ts';
import { cellTexts } from './lab_checks.ts';
import { moe, test } from './served_studio.ts';

// An experiment of many steps, on a machine that does other things meanwhile.
test.setTimeout(300_000);
const LONG = { timeout: 120_000 };

/** Counts are functions of the tokens and the policy; times, throughput and peaks are not, and not compared. */
async function expectCounts(page: Page, { rows, quality }: GatingTable) {
  const rounded = (value: number) => (value >= 100 ? count(value) : plain(value));
  const slots = await cellTexts(page, '.gating-slots tbody tr');
  expect(slots.map(([title, , ...figures]) => [title, ...figures])).toEqual(
    rows.map((row) => [
      row.title,
      rounded(row.slots),
      rounded(row.paddingRows),
      row.droppedPairs > 0 ? percentText(row.droppedPairs / (row.droppedPairs + row.realRows)) : 'none',
      tile(row.wasteFactor),
      bytesText(row.exchangedBytes),
    ]),
  );
  await page.getByRole('button', { name: 'Price of capacity as a table' }).click();
  const points = await cellTexts(page, 'section[aria-label="Price of capacity, table"] tbody tr');
  expect(points).toEqual(
    quality.map((point) => [plain(point.capacity), plain(point.perplexity), percentText(point.droppedShare)]),
  );
  await page.getByRole('button', { name: 'Price of capacity as a table' }).click();
}

test('the Gating lab counts what moe gating prints, and again at a smaller capacity', async ({ page, served }) => {
  // Small enough to be measured in seconds.
  const model = path.join(served.folder, 'tiny-moe');
  writeSyntheticOlmoe(model, { hidden: 32, width: 16, layers: 2, experts: 8, topK: 2 }, 'models/demo-lm');
  const onCommandLine = async (...args: string[]): Promise<GatingTable> =>
    JSON.parse(await moe('gating', '--model', model, '--json', ...args));

  await page.goto(served.url);
  await expect(page.getByText(/^Engine (ready|running)/)).toBeVisible(LONG);
  const typed = page.getByRole('dialog').getByRole('textbox');
  // The studio starts its demo run meanwhile, and takes no other model until it has.
  await expect(async () => {
    await page.keyboard.press('Control+o');
    await expect(typed).toBeVisible({ timeout: 1000 });
  }).toPass(LONG);
  await typed.fill(model);
  await page.keyboard.press('Enter');
  // What fits is shown first; the choice is made already.
  await page.getByRole('button', { name: 'Load', exact: true }).click(LONG);
  await expect(page.getByRole('dialog')).toBeHidden(LONG);
  await page.keyboard.press('4');
  await expect(page.locator('.lab-bar')).toContainText('tiny-moe');
  await page.getByRole('button', { name: /^(Stop the run and measure|Measure)$/ }).click();
  await expect(page.getByRole('heading', { name: 'Price of capacity' })).toBeVisible(LONG);
  await expectCounts(page, await onCommandLine());

  await page.getByRole('textbox', { name: 'Capacity C of static gating' }).fill('0.1');
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Measure again' }).click();
  await expect(page.locator('.lab-body')).toHaveAttribute('data-stale', 'false', LONG);
  await expect(page.getByText('Measured with other settings')).toBeHidden();
  const smaller = await onCommandLine('--capacity', '0.1');
  expect(smaller.rows.find(({ policy }) => policy === 'static')?.droppedPairs).toBeGreaterThan(0);
  await expectCounts(page, smaller);
});
