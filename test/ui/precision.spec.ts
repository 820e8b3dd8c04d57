import { expect, test } from './frame_page.ts';
import { cellTexts } from './lab_checks.ts';

test('what a precision costs is measured on demand and stands where it is chosen', async ({ frame }) => {
  const { page } = frame;
  await frame.open();
  const section = page.getByRole('region', { name: 'Precision' });
  await page.evaluate(() => {
    window.harness.engine().holdsExperiments = true;
  });
  await section.getByRole('button', { name: 'Stop and measure precision' }).click();
  await expect(section.getByRole('progressbar')).toHaveAttribute('aria-valuenow', '40');
  await expect(section).toContainText('int8, 40 of 64 pieces');
  await page.evaluate(() => window.harness.engine().finishExperiment());

  await expect(section.getByRole('row')).toHaveCount(7);
  expect(await cellTexts(page, '.price-table tbody tr')).toEqual([
    ['As stored', '40.80', '–', '610 tok/s'],
    ['fp16', '41.11', '96%', '580 tok/s'],
    ['int8', '41.42', '92%', '550 tok/s'],
    ['int4', '41.73', '88%', '520 tok/s'],
    ['int8, all', '42.04', '84%', '490 tok/s'],
    ['int4, all', '42.35', '80%', '460 tok/s'],
  ]);
  await section.getByRole('combobox', { name: 'Experts' }).click();
  await page.getByRole('option', { name: /^int4/ }).click();
  await expect(section.locator('.price-chosen')).toHaveText(/^int441.73/);
});
