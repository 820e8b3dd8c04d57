import { DEFAULT_RUN } from '../../engine/protocol/settings.ts';
import { bytesText } from '../../src-renderer/format/bytes.ts';
import { count, percentText, plain, tile } from '../../src-renderer/format/numbers.ts';
import { msText } from '../../src-renderer/format/time.ts';
import { fakeGating } from './fake_gating.ts';
import { expect, test } from './frame_page.ts';
import { cellTexts, seriousFindings, tabTo } from './lab_checks.ts';

const PARAMS = {
  capacity: 1,
  tutelFactor: 0,
  batch: 8,
  batches: [1, 4, 16],
  capacities: [0.02, 0.05, 0.1, 0.25, 0.5, 1],
};

test('the gating experiment stops the run, measures, and shows what it measured', async ({ frame }) => {
  const { page } = frame;
  await frame.open();
  await page.keyboard.press('4');
  await expect(page.getByText('A run has the model now')).toBeVisible();
  await page.getByRole('button', { name: 'Stop the run and measure' }).click();
  await expect(page.getByRole('heading', { name: 'Price of capacity' })).toBeVisible();
  expect(await frame.requests('stop')).toHaveLength(1);
  expect(await frame.requests('gatingLab')).toEqual([PARAMS]);

  const { rows } = fakeGating(PARAMS);
  const rounded = (value: number) => (value >= 100 ? count(value) : plain(value));
  const slots = await cellTexts(page, '.gating-slots tbody tr');
  expect(slots.map(([title, , ...figures]) => [title, ...figures])).toEqual(
    rows.map((row) => [
      row.title,
      rounded(row.slots),
      rounded(row.paddingRows),
      'none',
      tile(row.wasteFactor),
      bytesText(row.exchangedBytes),
    ]),
  );
  const times = page.getByRole('region', { name: 'Time of a step' });
  for (const { policy, stepMs } of rows) {
    await expect(times.locator(`tr[data-policy="${policy}"]`)).toContainText(msText(stepMs));
  }
  await expect(page.getByText('MegaBlocks runs 51 rows for each real one')).toBeVisible();
  await expect(page.getByText('Static does not fit from batch 16')).toBeVisible();
});

test('a smaller capacity is measured on demand, the figures before stay and look stale', async ({ frame }) => {
  const { page } = frame;
  await frame.open();
  await page.keyboard.press('4');
  await page.getByRole('button', { name: 'Stop the run and measure' }).click();
  await expect(page.getByRole('heading', { name: 'Slots' })).toBeVisible();
  await page.getByRole('textbox', { name: 'Capacity C of static gating' }).fill('0.05');
  await page.keyboard.press('Enter');
  await expect(page.getByText('Measured with other settings')).toBeVisible();
  await expect(page.locator('.lab-body')).toHaveAttribute('data-stale', 'true');
  // Another view does not cost the figures.
  await page.getByRole('button', { name: 'Live' }).click();
  await expect(page.getByRole('heading', { name: 'Slots' })).toBeHidden();
  await page.keyboard.press('4');
  await expect(page.getByText('Measured with other settings')).toBeVisible();

  await page.getByRole('button', { name: 'Measure again' }).click();
  await expect(page.locator('.lab-body')).toHaveAttribute('data-stale', 'false');
  expect(await frame.requests('gatingLab')).toEqual([PARAMS, { ...PARAMS, capacity: 0.05 }]);
  const [row] = fakeGating({ ...PARAMS, capacity: 0.05 }).rows;
  const asked = (row?.realRows ?? 0) + (row?.droppedPairs ?? 0);
  await expect(page.locator('.gating-slots tr[data-policy="static"] .lab-rows-warn')).toHaveText(
    percentText((row?.droppedPairs ?? 0) / asked),
  );
});

test('an experiment tells how far it is, is cancelled, fails and is tried again', async ({ frame }) => {
  const { page } = frame;
  await frame.open({ run: { ...DEFAULT_RUN, promptCount: 8 } });
  await page.evaluate(() => {
    window.harness.engine().holdsExperiments = true;
  });
  await page.keyboard.press('4');
  await page.getByRole('button', { name: 'Stop the run and measure' }).click();
  await expect(page.getByText('Static gating, batch 8')).toBeVisible();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await expect(page.getByText('Cancelled before there was an answer.')).toBeVisible();
  expect(await frame.requests('cancelLab')).toHaveLength(1);

  await page.evaluate(() => {
    window.harness.engine().refuse = { method: 'gatingLab', message: 'Batch 8 does not fit the budget of CPU 0.' };
  });
  await page.getByRole('button', { name: 'Measure', exact: true }).click();
  await expect(page.getByRole('alert')).toHaveText('Batch 8 does not fit the budget of CPU 0.');
  await page.getByRole('button', { name: 'Measure', exact: true }).click();
  await expect(page.getByText('Static gating, batch 8')).toBeVisible();
  await page.evaluate(() => window.harness.engine().finishExperiment());
  await expect(page.getByRole('heading', { name: 'Throughput' })).toBeVisible();
});

for (const theme of ['dark', 'light'] as const) {
  test(`the Gating lab is driven by keys alone and axe finds nothing serious in the ${theme} theme`, async ({
    frame,
  }) => {
    const { page } = frame;
    await frame.open({ theme });
    await page.keyboard.press('4');
    await tabTo(page, 'Stop the run and measure');
    await page.keyboard.press('Enter');
    await expect(page.getByRole('heading', { name: 'Throughput' })).toBeVisible();
    await tabTo(page, 'Slots as a table');
    await page.keyboard.press('Enter');
    await expect(page.getByRole('region', { name: 'Slots, table' })).toContainText('2,048');
    await tabTo(page, /^Tokens a second against/);
    await page.keyboard.press('Home');
    await page.keyboard.press('ArrowRight');
    await expect(page.getByRole('slider', { name: /^Tokens a second against/ })).toHaveAttribute(
      'aria-valuetext',
      /^4 batch: Static \d+/,
    );
    expect(await seriousFindings(page, '.lab')).toEqual([]);
  });
}
