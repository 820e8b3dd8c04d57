import { readdir } from 'node:fs/promises';
import path from 'node:path';
import type { CacheTable, ExpertLife, ExpertsMap } from '../../engine/protocol/labs.ts';
import { expect } from './frame_page.ts';
import { moe, openPaused, test } from './served_studio.ts';

/**
 * What the window shows of a trace is what the command line prints of it: the built studio, its own engine behind it, a trace of a
 * real model. So the whole way is checked, from the request to the texts on the page.
 */
const TRACE = path.resolve('models/traces/olmoe-299.jsonl.gz');

// The engine opens its model meanwhile, on a machine that does other things.
test.setTimeout(240_000);

const parsed = async <T>(...args: string[]): Promise<T> => JSON.parse(await moe(...args, '--json'));

const percent = (share: number) => (share * 100).toFixed(1);

test('the Cache lab shows what moe replay prints', async ({ frame, served }) => {
  const { page } = frame;
  const table = await parsed<CacheTable>('replay', '--trace', TRACE);
  await openPaused(frame, served);
  await page.keyboard.press('3');
  await page.keyboard.press('Control+Shift+O');
  await page.getByRole('dialog').getByRole('textbox').fill(TRACE);
  await page.keyboard.press('Enter');
  const plot = page.getByRole('slider', { name: /^Miss rate against cache size, a line/ });
  await expect(plot).toBeVisible({ timeout: 120_000 });

  // The reading at the cursor, at every size.
  await plot.focus();
  await page.keyboard.press('Home');
  for (const [size, slots] of table.slots.entries()) {
    const values = table.rows.map(({ title, missRate }) => `${title} ${percent(missRate[size] ?? 0)}%`);
    await expect(plot).toHaveAttribute('aria-valuetext', `${slots} slots a layer: ${values.join(', ')}`);
    await page.keyboard.press('ArrowRight');
  }

  // A pinned size: losses of every policy, and the verdict.
  const size = Math.floor(table.slots.length / 2);
  await page.keyboard.press('Home');
  for (let i = 0; i < size; i++) await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Enter');
  const least = table.rows.find(({ policy }) => policy === 'min')?.misses[size] ?? Number.NaN;
  for (const { title, misses, missRate, verdict } of table.rows) {
    const share = (count: number) => percentText(count / table.scored.accesses);
    const losses = `cold ${share(table.coldMisses)}, size ${share(least - table.coldMisses)}, policy ${share((misses[size] ?? 0) - least)}`;
    const radio = page.getByRole('radio', {
      name: `${title}: ${percentText(missRate[size] ?? 0)} missed, ${losses}`,
      exact: true,
    });
    await radio.check({ force: true });
    const words = (verdict[size] ?? '').replace(/ \(.*$/, '').replace(/\.$/, '');
    await expect(page.locator('.cache-lab-words')).toHaveText(`${words}.`);
  }

  // The table, cell by cell.
  await page.getByRole('button', { name: 'Miss rate by cache size as a table' }).click();
  const cells = await page.getByRole('region', { name: 'Miss rate by cache size, table' }).locator('tbody tr').all();
  const shown = await Promise.all(cells.map((row) => row.locator('th, td').allTextContents()));
  expect(shown).toEqual(table.rows.map(({ title, missRate }) => [title, ...missRate.map(percent)]));

  // Layers: misses with equal slots, and the slots dealt.
  await page.getByRole('button', { name: 'Slots by layer as a table' }).click();
  const layers = await page.getByRole('region', { name: 'Misses and slots by layer, table' }).locator('tbody tr').all();
  const dealt = await Promise.all(layers.map((row) => row.locator('td').allTextContents()));
  expect(dealt.map(([misses, , slots]) => [Number(misses?.replace(',', '')), Number(slots)])).toEqual(
    table.byLayer.misses.map((misses, layer) => [misses[size], table.byLayer.allocation[size]?.[layer]]),
  );
});

test('the Cache lab shows of a live run what moe replay prints of its file', async ({ frame, served }) => {
  const { page } = frame;
  await page.goto(served.url);
  await expect(page.getByText('Engine running')).toBeVisible();
  await expect(page.getByText(/^Replay exact over/)).toBeVisible({ timeout: 120_000 });
  await page.keyboard.press('3');
  await page.getByRole('button', { name: 'Stop', exact: true }).click();
  await expect(page.getByText('Run finished')).toBeVisible({ timeout: 60_000 });
  const [file = ''] = await readdir(path.join(served.folder, 'runs'));
  const table = await parsed<CacheTable>('replay', '--run', path.join(served.folder, 'runs', file));
  const plot = page.getByRole('slider', { name: /^Miss rate against cache size, a line/ });
  await expect(page.getByText(`${table.subject.steps.toLocaleString('en')} steps, `)).toBeVisible({ timeout: 120_000 });
  await plot.focus();
  await page.keyboard.press('End');
  await page.keyboard.press('ArrowLeft');
  const size = table.slots.length - 2;
  const values = table.rows.map(({ title, missRate }) => `${title} ${percent(missRate[size] ?? 0)}%`);
  await expect(plot).toHaveAttribute('aria-valuetext', `${table.slots[size]} slots a layer: ${values.join(', ')}`);
});

test('the Experts view shows what moe experts prints', async ({ frame, served }) => {
  const { page } = frame;
  const map = await parsed<ExpertsMap>('experts', '--trace', TRACE);
  await openPaused(frame, served);
  await page.keyboard.press('2');
  await page.keyboard.press('Control+Shift+O');
  await page.getByRole('dialog').getByRole('textbox').fill(TRACE);
  await page.keyboard.press('Enter');
  const heat = page.getByRole('application', { name: /^Experts by layer/ });
  await expect(heat).toBeVisible({ timeout: 120_000 });
  await expect(page.getByText(`${map.subject.steps} steps, ${map.subject.tokens} tokens`)).toBeVisible();

  await page.getByRole('button', { name: 'Concentration as a table' }).click();
  const rows = page.getByRole('region', { name: 'Concentration and stability by layer, table' }).locator('tbody tr');
  await expect(rows).toHaveCount(map.concentration.length);
  const shown = await Promise.all((await rows.all()).map((row) => row.locator('td').allTextContents()));
  expect(shown).toEqual(map.concentration.map((share, layer) => [percent(share), percent(map.stability[layer] ?? 0)]));

  // Every cell that the arrows pass on a way through the map.
  await heat.focus();
  await page.keyboard.press('Home');
  for (let i = 0; i < map.tokens.length; i++) await page.keyboard.press('ArrowUp');
  const readout = page.locator('.lab-readout');
  for (const [layer, expert] of [
    [0, 0],
    [1, 0],
    [2, 0],
    [2, 1],
    [2, 2],
  ] as const) {
    if (layer > 0 || expert > 0) await page.keyboard.press(expert === 0 ? 'ArrowDown' : 'ArrowRight');
    const of = (values: readonly (readonly number[])[]) => values[layer]?.[expert] ?? Number.NaN;
    await expect(readout).toHaveText(
      new RegExp(
        `^Layer ${layer}, expert ${expert}: ${of(map.tokens)} tokens? .*, ${of(map.hits)} hits?, ${of(map.misses)} miss`,
      ),
    );
  }

  // The life of the cell that is opened.
  await page.keyboard.press('Enter');
  const life = await parsed<ExpertLife>('experts', '--trace', TRACE, '--layer', '2', '--expert', '2');
  const panel = page.getByRole('region', { name: 'Expert 2', exact: true });
  await expect(panel).toContainText(`Active in ${life.expert?.activeSteps} of ${map.subject.steps} steps`);
  await panel.getByRole('button', { name: 'Expert 2 as a table' }).click();
  await expect(panel.locator('tbody tr')).toHaveCount(life.expert?.events.length ?? -1);
});

/** As sentences write a share: no decimal where there is none to tell. */
function percentText(share: number): string {
  const text = percent(share);
  return `${text.endsWith('.0') ? text.slice(0, -2) : text}%`;
}
