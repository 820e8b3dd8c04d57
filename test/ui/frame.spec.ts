import AxeBuilder from '@axe-core/playwright';
import { DEFAULT_RUN } from '../../engine/protocol/settings.ts';
import { expect, test } from './frame_page.ts';

test('the first start opens the demo model and runs its samples', async ({ frame }) => {
  await frame.open();
  expect(await frame.requests('openBundledModel')).toHaveLength(1);
  expect(await frame.requests('start')).toEqual([DEFAULT_RUN]);
  await expect(frame.page.getByText('Engine running')).toBeVisible();
  await expect(frame.page.getByText(/^Replay exact over/)).toBeVisible();
});

for (const theme of ['dark', 'light'] as const) {
  test(`axe finds nothing serious in the ${theme} theme`, async ({ frame }) => {
    const { page } = frame;
    await frame.open({ theme });
    const serious = async (part: string) => {
      const { violations } = await new AxeBuilder({ page }).include(part).analyze();
      return violations
        .filter(({ impact }) => impact === 'serious' || impact === 'critical')
        .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join('\n')}`);
    };
    expect(await serious('body')).toEqual([]);
    await page.keyboard.press('Control+k');
    await expect(page.getByRole('combobox', { name: 'Command' })).toBeVisible();
    expect(await serious('.dialog')).toEqual([]);
    await page.keyboard.press('Escape');
    await page.getByRole('combobox', { name: /^Eviction/ }).click();
    await expect(page.getByRole('option').first()).toBeVisible();
    expect(await serious('.popup')).toEqual([]);
    await page.keyboard.press('Escape');
    await frame.die('it ran out of memory', 137, ['bad_alloc']);
    await expect(page.getByRole('alert')).toBeVisible();
    expect(await serious('.banner')).toEqual([]);
  });
}

test('the death of the engine is a state with ways on', async ({ frame }) => {
  const { page } = frame;
  await frame.open({ run: { ...DEFAULT_RUN, batch: 4, seed: 99 } });
  await frame.die('it ran out of memory', 137, ['load expert 3', 'std::bad_alloc']);
  const banner = page.getByRole('alert');
  await expect(banner).toContainText('The engine stopped: it ran out of memory (exit code 137)');
  await expect(banner).toContainText('std::bad_alloc');
  await expect(banner).toContainText('kept in the run file');
  await expect(frame.slider).toBeDisabled();
  await banner.getByRole('button', { name: 'Copy log' }).click();
  expect(await page.evaluate(() => window.harness.kept.copied)).toContain('std::bad_alloc');
  // What killed it is not applied by itself at the next start.
  const kept = await page.evaluate(() => window.harness.kept.settings as { run: { seed: number } });
  expect(kept.run.seed).toBe(DEFAULT_RUN.seed);

  await banner.getByRole('button', { name: 'Restart with previous settings' }).click();
  await expect(banner).toBeHidden();
  await expect(page.getByText('Engine running')).toBeVisible();
  const starts = await frame.requests('start');
  expect(starts.at(-1)).toMatchObject({ batch: 4, seed: 99 });

  await frame.die('it crashed', 139, []);
  await page.getByRole('alert').getByRole('button', { name: 'Restart', exact: true }).click();
  await expect.poll(async () => (await frame.requests('start')).at(-1)).toEqual(DEFAULT_RUN);
});

test('settings that need a new run say so and offer it', async ({ frame }) => {
  const { page } = frame;
  await frame.open();
  await page.getByRole('combobox', { name: /^Devices/ }).click();
  await page.getByRole('option', { name: /2 × CPU/ }).click();
  await expect(page.getByText('Devices will apply to the next run')).toBeVisible();
  expect(await frame.requests('change')).toEqual([]);
  const seed = page.getByRole('textbox', { name: 'Seed' });
  await seed.fill('12');
  await seed.press('Enter');
  await expect(page.getByText('Devices and Seed will apply to the next run')).toBeVisible();
  await page.getByRole('button', { name: 'Restart run' }).click();
  await expect
    .poll(async () => (await frame.requests('start')).at(-1))
    .toMatchObject({
      devices: [{ id: 'cpu:0' }, { id: 'cpu:1' }],
      seed: 12,
    });
  await expect(page.getByText(/will apply to the next run/)).toBeHidden();
  await expect(frame.slider).toHaveAttribute('max', '32');
});

test('eviction is changed live and the curve waits for its replay', async ({ frame }) => {
  const { page } = frame;
  await frame.open();
  await page.getByRole('combobox', { name: /^Eviction/ }).click();
  await page.getByRole('option', { name: /^LRU/ }).click();
  await expect.poll(() => frame.requests('change')).toEqual([{ eviction: 'lru' }]);
  await expect(page.getByText('Replaying for the new policy…')).toBeVisible();
  await frame.tick(5);
  await expect(page.getByText('Replaying for the new policy…')).toBeHidden();
});

test('reports are saved through the host', async ({ frame }) => {
  const { page } = frame;
  await frame.open();
  await page.getByRole('button', { name: 'Export' }).click();
  await page.getByRole('menuitem', { name: /Report as HTML/ }).click();
  await expect(page.getByText('/home/reports/run-1.html')).toBeVisible();
  expect(await page.evaluate(() => window.harness.kept.reports.length)).toBe(1);
});

test('a model folder is opened by dialog, by a typed path, and its refusal is told', async ({ frame }) => {
  const { page } = frame;
  await frame.open();
  await page.keyboard.press('Control+o');
  // What fits is shown first; Enter takes the choice that is made already.
  const dialog = page.getByRole('dialog', { name: 'Open other-moe' });
  await expect(dialog).toContainText('OLMoE, 24,000,000 parameters, 8 MoE layers of 64 experts');
  await expect(dialog.getByRole('radio', { name: 'fp32', exact: true })).toBeChecked();
  expect(await frame.requests('openModel')).toEqual([]);
  await page.keyboard.press('Escape');
  await expect(dialog).toBeHidden();
  expect(await frame.requests('openModel')).toEqual([]);
  await page.keyboard.press('Control+o');
  await expect(dialog).toBeVisible();
  await page.keyboard.press('Enter');
  await expect.poll(() => frame.requests('openModel')).toEqual([{ path: '/models/other-moe' }]);
  await expect(dialog).toBeHidden();

  await frame.open({ host: 'browser' });
  await page.keyboard.press('Control+o');
  await page.evaluate(() => {
    const message = 'config.json is missing: choose a model folder.';
    window.harness.engine().refuse = { method: 'inspectModel', message };
  });
  const path = page.getByRole('dialog').getByRole('textbox');
  await path.fill('/models/nothing');
  await path.press('Enter');
  await expect(page.getByRole('dialog')).toContainText('config.json is missing');
  await path.fill('/models/mine');
  await path.press('Enter');
  await expect(page.getByRole('dialog', { name: 'Open mine' })).toBeVisible();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('dialog')).toBeHidden();
  await expect(page.getByRole('button', { name: /^mine/ })).toBeVisible();
});

test('commands of the native menu arrive, and what they set is kept', async ({ frame }) => {
  const { page } = frame;
  await frame.open();
  await page.evaluate(() => window.harness.choose('theme.light'));
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'light');
  const kept = await page.evaluate(() => window.harness.kept.settings as { ui: { theme: string } });
  expect(kept.ui.theme).toBe('light');
});
