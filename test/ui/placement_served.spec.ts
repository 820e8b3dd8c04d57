import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, type Page } from '@playwright/test';
import type { PlacementTable } from '../../engine/protocol/labs.ts';
import { percent, tile } from '../../src-renderer/format/numbers.ts';
import { cellTexts, seriousFindings, tabTo } from './lab_checks.ts';
import { moe, openPaused, type ServedStudio, test } from './served_studio.ts';

const TRACE = path.resolve('models/traces/olmoe-299.jsonl.gz');

// The engine opens its model and runs it while the trace is placed.
test.setTimeout(240_000);
const LONG = { timeout: 120_000 };

const onCommandLine = async (...args: string[]): Promise<PlacementTable> =>
  JSON.parse(await moe('placement', '--trace', TRACE, '--json', ...args));

/** Opens the Placement lab on the trace by keys alone. */
async function openLab(page: Page, served: ServedStudio) {
  await openPaused({ page }, served);
  await page.keyboard.press('5');
  await page.keyboard.press('Control+Shift+O');
  await expect(page.getByRole('dialog')).toBeVisible();
  await page.keyboard.type(TRACE);
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { name: 'Balance' })).toBeVisible(LONG);
  await expect(page.locator('.lab-subject')).toContainText('OLMoE', LONG);
}

async function expectBalance(page: Page, table: PlacementTable) {
  const shares = (row: PlacementTable['rows'][number]) => [
    percent(row.historyAvgMaxLoad),
    percent(row.avgMaxLoad),
    percent(row.historyMaxLoad),
    percent(row.maxLoad),
  ];
  await expect
    .poll(async () =>
      (await cellTexts(page, '.placement-rows tbody tr')).map((cells) => [
        cells[0],
        ...[2, 3, 5, 6].map((i) => cells[i]),
      ]),
    )
    .toEqual(table.rows.map((row) => [row.title, ...shares(row)]));
}

test('the Placement lab shows what the command line prints, at any number of devices', async ({ page, served }) => {
  const four = await onCommandLine();
  await openLab(page, served);
  await expectBalance(page, four);
  const best = [...four.rows].sort((a, b) => a.avgMaxLoad - b.avgMaxLoad)[0];
  await expect(page.locator('.placement-balance .panel-figure')).toHaveText(tile((best?.avgMaxLoad ?? 0) * 4));

  await page.getByText('Misses', { exact: true }).click();
  const misses = await cellTexts(page, '.placement-devices tbody tr');
  expect(misses.map((cells) => cells.slice(-2))).toEqual(
    four.rows.map(({ missRate }) => [`${percent(Math.min(...missRate))}%`, `${percent(Math.max(...missRate))}%`]),
  );

  await tabTo(page, 'Devices that share the experts');
  await page.keyboard.press('Control+a');
  await page.keyboard.type('8');
  await page.keyboard.press('Enter');
  await expectBalance(page, await onCommandLine('--devices', '8'));
});

test('a placement is exported as the command line writes it, and a method drawn, by keys alone', async ({
  page,
  served,
}) => {
  await openLab(page, served);
  await tabTo(page, 'Greedy (paper)');
  await page.keyboard.press('Space');
  await expect(page.locator('.line-plot text', { hasText: 'Greedy (paper)' })).toBeVisible();

  await page.getByRole('button', { name: 'Use or export Greedy (paper)' }).focus();
  await page.keyboard.press('Enter');
  const item = page.getByRole('menuitem', { name: /^Export for vLLM-Ascend/ });
  await expect(item).toBeVisible();
  const download = page.waitForEvent('download');
  await item.focus();
  await page.keyboard.press('Enter');
  const saved = await (await download).path();
  const file = path.join(served.folder, 'placement.json');
  await moe('placement', '--trace', TRACE, '--export', 'vllm-ascend', '--method', 'greedy', '--out', file);
  expect(JSON.parse(await readFile(saved, 'utf8'))).toEqual(JSON.parse(await readFile(file, 'utf8')));
  await expect(page.getByText('Placement saved')).toBeVisible();
});

test('axe finds nothing serious in the Placement lab, in either theme', async ({ page, served }) => {
  await openLab(page, served);
  for (const theme of ['dark', 'light']) {
    await page.evaluate((name) => {
      document.documentElement.dataset.theme = name;
    }, theme);
    expect(await seriousFindings(page, '.lab')).toEqual([]);
  }
});
