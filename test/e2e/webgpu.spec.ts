import { readdirSync } from 'node:fs';
import path from 'node:path';
import { expect } from '@playwright/test';
import { auditOf } from '../../engine/coordinator/run_audit.ts';
import { replayCaches } from '../../engine/replay/replay_cache.ts';
import { toTimeline, toTrace } from '../../engine/report/recording.ts';
import { readRun } from '../../engine/report/run_reader.ts';
import { test } from './studio_app.ts';

test('a graphics card is chosen in the devices dialog, and runs the model', async ({ studio }) => {
  test.setTimeout(240_000);
  const { page, home } = studio;
  const runs = path.join(home, 'data/runs');
  await expect(page.getByRole('button', { name: 'Pause' })).toBeEnabled({ timeout: 60_000 });
  await page.keyboard.press('Control+d');
  const dialog = page.getByRole('dialog', { name: 'Devices' });
  const card = dialog.getByRole('region', { name: /SwiftShader/ });
  await expect(card.getByText('software', { exact: true })).toBeVisible();
  const use = card.getByRole('checkbox', { name: /webgpu:0/ });
  // Never by itself: a processor that plays a card is slower than the processor.
  await expect(use).not.toBeChecked();
  await use.check();
  const processors = dialog.getByRole('textbox', { name: 'CPU devices' });
  await processors.fill('0');
  await processors.press('Enter');
  await page.keyboard.press('Escape');
  // One sequence: the card is played by a processor.
  const batch = page.getByRole('textbox', { name: 'Batch, sequences in flight' });
  await batch.fill('1');
  await batch.press('Enter');
  await page.getByRole('button', { name: 'Restart run' }).click();
  await expect.poll(() => readdirSync(runs).length, { timeout: 60_000 }).toBe(2);

  const newest = () => path.join(runs, readdirSync(runs).sort().at(-1) ?? '');
  await expect
    .poll(async () => (await readRun(newest())).steps.length, { timeout: 150_000, intervals: [1000] })
    .toBeGreaterThan(1);
  await page.getByRole('button', { name: 'Stop', exact: true }).click();
  await expect(page.getByRole('button', { name: 'Run', exact: true })).toBeEnabled({ timeout: 60_000 });
  const recording = await readRun(newest());
  expect(recording.header.devices).toMatchObject([{ id: 'webgpu:0', provider: 'webgpu', software: true }]);
  const audit = auditOf(recording, replayCaches(toTrace(recording), toTimeline(recording)));
  expect(audit.replayed).toEqual(audit.measured);
  expect(audit.measured.loads).toBeGreaterThan(0);
});
